package config

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// LoadOptions say where settings come from.
type LoadOptions struct {
	// File is prism.yaml; a file that does not exist changes nothing, nor does an empty name.
	File string
	// Env looks up an environment variable; nil means the environment of the process.
	Env func(string) (string, bool)
	// Flags may hold a flag per setting, log_level as --log-level; those that were given win.
	Flags *pflag.FlagSet
}

// keyDelimiter separates the levels of a key within viper; it occurs in no key.
const keyDelimiter = "\x00"

// setting is one leaf of [Settings].
type setting struct {
	path  []string // timeouts, dial
	field reflect.StructField
	value reflect.Value
}

func (s setting) key() string  { return strings.Join(s.path, keyDelimiter) }
func (s setting) name() string { return strings.Join(s.path, ".") }
func (s setting) env() string  { return "PRISM_" + strings.ToUpper(strings.Join(s.path, "_")) }

// show quotes a bad text for a message; what an address holds may be a secret.
func (s setting) show(text string) string {
	if s.private() {
		return "another one"
	}
	return show(text)
}

func (s setting) private() bool {
	kind := s.field.Tag.Get("kind")
	return kind == "webhook" || kind == "otlp"
}

// early tells that the environment and the flags give it before there are settings: see [Language].
func (s setting) early() bool { return s.field.Tag.Get("kind") == "language" }

func (s setting) flag() string { return strings.ReplaceAll(strings.Join(s.path, "-"), "_", "-") }

// leaves returns the settings of the struct v, in order.
func leaves(v reflect.Value, path []string) []setting {
	var out []setting
	for i := range v.NumField() {
		f := v.Type().Field(i)
		at := append(slices.Clip(path), f.Tag.Get("mapstructure"))
		switch v.Field(i).Kind() {
		case reflect.Struct:
			out = append(out, leaves(v.Field(i), at)...)
			continue
		case reflect.Slice: // a list, which only the file can give
			continue
		}
		out = append(out, setting{path: at, field: f, value: v.Field(i)})
	}
	return out
}

// LoadSettings returns the defaults, overridden by the file, by PRISM_* variables and by flags,
// in this order. Unknown fields and bad values are [Problems]; all are reported at once. The
// settings returned with an error are the defaults.
func LoadSettings(opt LoadOptions) (Settings, error) {
	settings := DefaultSettings()
	l := &settingsLoader{
		viper:  viper.NewWithOptions(viper.KeyDelimiter(keyDelimiter)),
		leaves: leaves(reflect.ValueOf(&settings).Elem(), nil),
		places: make(map[string]Pos),
		opt:    opt,
	}
	if l.opt.Env == nil {
		l.opt.Env = os.LookupEnv
	}
	src, err := readOptional(opt.File)
	if err != nil {
		return DefaultSettings(), err
	}
	l.report = newReport(opt.File, src)
	if err := l.load(src, &settings); err != nil {
		return DefaultSettings(), err
	}
	return settings, nil
}

func readOptional(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	src, _, err := ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return src, err
}

// settingsLoader merges the sources in one viper of its own and decodes the result.
type settingsLoader struct {
	*report
	viper  *viper.Viper
	leaves []setting
	places map[string]Pos // of the keys that the file has
	lists  ruleLists
	opt    LoadOptions
}

func (l *settingsLoader) load(src []byte, s *Settings) error {
	for _, s := range l.leaves {
		l.viper.SetDefault(s.key(), formatSetting(s.value))
	}
	if src != nil {
		if doc := parseDocument(src, l.report); doc != nil && doc.root != nil {
			if err := l.viper.MergeConfigMap(l.file(doc.root, nil)); err != nil {
				return err
			}
		}
	}
	if err := l.viper.MergeConfigMap(l.environment()); err != nil {
		return err
	}
	if l.opt.Flags != nil {
		for _, s := range l.leaves {
			if f := l.opt.Flags.Lookup(s.flag()); f != nil && !s.early() {
				if err := l.viper.BindPFlag(s.key(), f); err != nil {
					return err
				}
			}
		}
	}
	for _, s := range l.leaves {
		l.decode(s, l.viper.GetString(s.key()))
	}
	l.rules(s)
	return l.problems().Err()
}

// file returns the fields of the mapping n as the map viper merges, and reports those that do
// not exist.
func (l *settingsLoader) file(n ast.Node, path []string) map[string]any {
	out := make(map[string]any)
	m, ok := n.(ast.MapNode)
	if !ok {
		l.error(note{pos: posOf(n), path: strings.Join(path, "."), message: "expected fields, got " + kindOf(n), fix: "write one field per line"})
		return out
	}
	for it := m.MapRange(); it.Next(); {
		key, pos := keyOf(it.Key()), posOf(it.Key())
		at := append(slices.Clip(path), key)
		name := strings.Join(at, ".")
		switch kind, names := l.lookup(at); {
		case len(path) == 0 && l.list(key, it):
		case kind == 0:
			if len(path) == 0 {
				names = append(names, fieldNames(reflect.TypeFor[ruleLists]())...)
			}
			d := decoder{report: l.report}
			d.unknown(note{pos: pos, path: strings.Join(path, ".")}, key, names)
		case out[key] != nil:
			l.error(note{pos: pos, path: name, message: "given twice", fix: "delete one of the two"})
		case kind == reflect.Struct:
			out[key] = l.file(it.Value(), at)
		default:
			d := decoder{report: l.report}
			if s, ok := d.scalar(it.Value(), name); ok {
				out[key] = s.text
				l.places[name] = s.pos
			}
		}
	}
	return out
}

// lookup tells what path is: 0 nothing, Struct a group of fields, String a field. The names
// are those that could stand there.
func (l *settingsLoader) lookup(path []string) (reflect.Kind, []string) {
	var names []string
	kind := reflect.Invalid
	for _, s := range l.leaves {
		if len(s.path) < len(path) || strings.Join(s.path[:len(path)-1], ".") != strings.Join(path[:len(path)-1], ".") {
			continue
		}
		name := s.path[len(path)-1]
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
		if name == path[len(path)-1] {
			kind = reflect.String
			if len(s.path) > len(path) {
				kind = reflect.Struct
			}
		}
	}
	return kind, names
}

// environment returns the settings that PRISM_* variables give.
func (l *settingsLoader) environment() map[string]any {
	out := make(map[string]any)
	for _, s := range l.leaves {
		text, ok := l.opt.Env(s.env())
		if !ok || s.early() {
			continue
		}
		group := out
		for _, name := range s.path[:len(s.path)-1] {
			if _, ok := group[name]; !ok {
				group[name] = make(map[string]any)
			}
			group = group[name].(map[string]any)
		}
		group[s.path[len(s.path)-1]] = text
	}
	return out
}

// decode sets the leaf from the text that won, and says where that text came from if it is bad.
func (l *settingsLoader) decode(s setting, text string) {
	message, fix := parseSetting(s, text)
	if message == "" {
		return
	}
	n := note{path: s.name(), message: message + ", got " + s.show(text), fix: s.path[len(s.path)-1] + ": " + fix}
	_, inEnv := l.opt.Env(s.env())
	switch {
	case s.early():
		n.pos = l.places[s.name()]
	case l.opt.Flags != nil && l.opt.Flags.Changed(s.flag()):
		n.path, n.fix = "--"+s.flag(), "--"+s.flag()+" "+fix
	case inEnv:
		n.path, n.fix = "$"+s.env(), s.env()+"="+fix
	default:
		n.pos, n.bare = l.places[s.name()], s.private()
	}
	l.error(n)
}
