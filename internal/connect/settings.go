package connect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// ErrFormat is wrapped by what is said of a file that is no settings file of Claude Code: one that is no
// JSON object, or whose "env" is none. The error names the line, never what stands there.
var ErrFormat = errors.New("not a settings file of Claude Code")

// ErrUnwritable means that a file is written in a way that it cannot be edited in place.
var ErrUnwritable = errors.New("the comments of the file stand where a variable would get lost among them")

// Settings is the text of a settings file, to be edited in place.
type Settings struct {
	doc     hujson.Value
	mark    string // a byte order mark in front, which the client passes over
	written bool   // there was a text
}

const byteOrderMark = "\ufeff"

// Read reads the text of a settings file. No text, or only white space, is the file that is not there yet.
// Comments and commas behind the last member are taken as they are.
func Read(text []byte) (*Settings, error) {
	text, marked := bytes.CutPrefix(text, []byte(byteOrderMark))
	if len(bytes.TrimSpace(text)) == 0 {
		doc, err := hujson.Parse([]byte("{}\n"))
		return &Settings{doc: doc}, err
	}
	if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxBrackets {
		return nil, fmt.Errorf("%w: it has too many brackets", ErrFormat)
	}
	doc, err := hujson.Parse(slices.Clone(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrFormat, where(err))
	}
	s := &Settings{doc: doc, written: true}
	if marked {
		s.mark = byteOrderMark
	}
	root, ok := doc.Value.(*hujson.Object)
	if !ok {
		return nil, fmt.Errorf("%w: it is no object", ErrFormat)
	}
	for _, o := range []*hujson.Object{root, s.env()} {
		if name, twice := repeated(o); twice {
			return nil, fmt.Errorf("%w: %q stands there twice", ErrFormat, name)
		}
	}
	if m := member(root, "env"); m != nil && s.env() == nil {
		return nil, fmt.Errorf("%w: env is no object", ErrFormat)
	}
	return s, nil
}

// maxBrackets bounds how deep a file can be nested: the parser calls itself at each level.
const maxBrackets = 20_000

// where keeps the position of a fault and drops the excerpt behind it, which may be a key.
func where(err error) string {
	text := strings.TrimPrefix(err.Error(), "hujson: ")
	if at, _, found := strings.Cut(text, ": "); found && strings.HasPrefix(at, "line ") {
		return at + ": no JSON"
	}
	return "no JSON"
}

// Env returns the variables that are texts.
func (s *Settings) Env() map[string]string {
	env := map[string]string{}
	if o := s.env(); o != nil {
		for _, m := range o.Members {
			if l, ok := m.Value.Value.(hujson.Literal); ok && l.Kind() == '"' {
				env[nameOf(m)] = l.String()
			}
		}
	}
	return env
}

// Has tells whether the file has a member of this name, outside of "env".
func (s *Settings) Has(name string) bool { return member(s.root(), name) != nil }

// Value returns what "env" says of a variable, and whether it says anything: a text, or the JSON of what is none.
func (s *Settings) Value(name string) (value string, there bool) {
	m := member(s.env(), name)
	if m == nil {
		return "", false
	}
	if l, ok := m.Value.Value.(hujson.Literal); ok {
		return l.String(), true
	}
	v := hujson.Value{Value: m.Value.Value}
	return string(v.Pack()), true
}

// Sets tells whether "env" has a member of this name, a text or not.
func (s *Settings) Sets(name string) bool { return member(s.env(), name) != nil }

// Said returns a member outside of "env" that is a text, else "".
func (s *Settings) Said(name string) string {
	if m := member(s.root(), name); m != nil {
		if l, ok := m.Value.Value.(hujson.Literal); ok && l.Kind() == '"' {
			return l.String()
		}
	}
	return ""
}

// Text returns the file. Of what was not edited every byte is as it was.
func (s *Settings) Text() []byte { return append([]byte(s.mark), s.doc.Pack()...) }

// Checked returns the text as [Settings.Text] does, once it was read again: the error is [ErrUnwritable] where it
// does not say what was meant, and it must not be written.
func (s *Settings) Checked() ([]byte, error) {
	text := s.Text()
	again, err := Read(text)
	if err != nil || !again.Equal(s) {
		return nil, ErrUnwritable
	}
	return text, nil
}

// Edit sets variables and takes others out.
func (s *Settings) Edit(set map[string]string, drop []string) {
	env := s.env()
	if env == nil {
		if len(set) == 0 {
			return
		}
		env = s.addEnv()
	}
	for _, name := range drop {
		remove(env, name)
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		literal := hujson.String(set[name])
		if m := member(env, name); m != nil {
			m.Value.Value = literal
			continue
		}
		s.add(env, name, literal, 2)
	}
}

// Restore makes of the variables named what they are in before: their values there, or nothing. An
// "env" that is empty then, and was not there, goes too.
func (s *Settings) Restore(before *Settings, names []string) {
	old := before.env()
	for _, name := range names {
		was := member(old, name)
		env := s.env()
		switch {
		case was == nil && env != nil:
			remove(env, name)
		case was == nil:
		default:
			if env == nil {
				env = s.addEnv()
			}
			value := was.Value.Value
			if m := member(env, name); m != nil {
				m.Value.Value = value
			} else {
				s.add(env, name, value, 2)
			}
		}
	}
	if env := s.env(); env != nil && len(env.Members) == 0 && old == nil {
		remove(s.root(), "env")
	}
}

// Equal tells whether two files say the same, however they are written.
func (s *Settings) Equal(other *Settings) bool {
	return bytes.Equal(s.canonical(), other.canonical())
}

func (s *Settings) canonical() []byte {
	doc := s.doc.Clone()
	doc.Standardize()
	var v any
	dec := json.NewDecoder(bytes.NewReader(doc.Pack()))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return doc.Pack()
	}
	b, err := json.Marshal(v) // sorts the names
	if err != nil {
		return doc.Pack()
	}
	return b
}

func (s *Settings) root() *hujson.Object {
	root, _ := s.doc.Value.(*hujson.Object)
	return root
}

func (s *Settings) env() *hujson.Object {
	m := member(s.root(), "env")
	if m == nil {
		return nil
	}
	o, _ := m.Value.Value.(*hujson.Object)
	return o
}

func (s *Settings) addEnv() *hujson.Object {
	env := &hujson.Object{}
	s.add(s.root(), "env", env, 1)
	return env
}

// add puts a member behind the others of an object that lies so deep, indented as they are.
func (s *Settings) add(o *hujson.Object, name string, value hujson.ValueTrimmed, depth int) {
	m := hujson.ObjectMember{
		Name:  hujson.Value{BeforeExtra: s.margin(o, depth), Value: hujson.String(name)},
		Value: hujson.Value{BeforeExtra: hujson.Extra(" "), Value: value},
	}
	if n := len(o.Members); n == 0 {
		if !bytes.ContainsRune(o.AfterExtra, '\n') {
			o.AfterExtra = append(bytes.TrimRight(o.AfterExtra, " \t"), s.indent(depth-1)...)
		}
	} else if last := &o.Members[n-1].Value; last.AfterExtra != nil {
		m.Value.AfterExtra, last.AfterExtra = last.AfterExtra, nil // the comma at the end stays one
	}
	if line, eol, rest := besides(o.AfterExtra); len(o.Members) > 0 && len(line) > 0 {
		m.Name.BeforeExtra, o.AfterExtra = joined(line, eol, m.Name.BeforeExtra), rest
	}
	o.Members = append(o.Members, m)
}

func nameOf(m hujson.ObjectMember) string {
	l, _ := m.Name.Value.(hujson.Literal)
	return l.String()
}

func member(o *hujson.Object, name string) *hujson.ObjectMember {
	if o == nil {
		return nil
	}
	for i := range o.Members {
		if nameOf(o.Members[i]) == name {
			return &o.Members[i]
		}
	}
	return nil
}

func repeated(o *hujson.Object) (string, bool) {
	if o == nil {
		return "", false
	}
	seen := map[string]bool{}
	for _, m := range o.Members {
		name := nameOf(m)
		if seen[name] {
			return name, true
		}
		seen[name] = true
	}
	return "", false
}

// remove takes a member out, with the comments on the lines above it. One on the line of the member before
// belongs to that and stays.
func remove(o *hujson.Object, name string) {
	i := slices.IndexFunc(o.Members, func(m hujson.ObjectMember) bool { return nameOf(m) == name })
	if i < 0 {
		return
	}
	last := i == len(o.Members)-1
	before, after := o.Members[i].Name.BeforeExtra, o.Members[i].Value.AfterExtra
	o.Members = slices.Delete(o.Members, i, i+1)
	if line, eol, _ := besides(before); len(line) > 0 {
		next := &o.AfterExtra
		if !last {
			next = &o.Members[i].Name.BeforeExtra
		}
		*next = joined(line, eol, *next)
	}
	if n := len(o.Members); last && n > 0 && after != nil && o.Members[n-1].Value.AfterExtra == nil {
		o.Members[n-1].Value.AfterExtra = hujson.Extra{} // the comma at the end stays
	}
}
