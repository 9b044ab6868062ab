package pricing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Shapes of price lists that [ReadCatalog] understands.
const (
	ShapePrism     = "prism"      // a list of rows, as `prism prices list --json` writes it
	ShapeModelsDev = "models.dev" // api.json: providers with models with a cost, per million tokens
	ShapeLiteLLM   = "litellm"    // model_prices_and_context_window.json: models, per token
)

// MaxCatalog is the size in bytes above which a price list is not looked at.
const MaxCatalog = 32 << 20

// ErrShape means that a price list has none of the shapes that are understood.
var ErrShape = errors.New("neither models.dev's nor LiteLLM's shape, nor a list of price rows")

// Catalog is somebody else's price list, read.
type Catalog struct {
	Shape   string
	Offers  []Offer   // by provider and model
	Skipped []Skipped // what was not read, by name
}

// Offer is what a catalog says of one model. The row has no id.
type Offer struct {
	Row    Row
	Doubts []string // what a person should look at before the row is used
}

// Skipped is an item of a catalog that no row was made of.
type Skipped struct {
	Name string
	Why  string
}

// ReadCatalog reads a price list. Source is noted in its rows. An item that cannot be read is
// skipped with its reason; a list that cannot be read as a whole is an error.
func ReadCatalog(data []byte, source string) (*Catalog, error) {
	if len(data) > MaxCatalog {
		return nil, fmt.Errorf("the price list is larger than %d bytes", MaxCatalog)
	}
	data = bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\ufeff")), " \t\r\n")
	c := &Catalog{}
	if bytes.HasPrefix(data, []byte("[")) {
		rows, err := ParseRows(data)
		if err != nil {
			return nil, err
		}
		c.Shape = ShapePrism
		c.addRows(rows)
	} else {
		top, _ := objects(data)
		switch c.Shape = shapeOf(top); c.Shape {
		case ShapeModelsDev:
			c.addModelsDev(top)
		case ShapeLiteLLM:
			c.addLiteLLM(top)
		default:
			return nil, ErrShape
		}
	}
	c.settle(source)
	return c, nil
}

// objects reads the fields of an object and leaves their values as they are.
func objects(data []byte) (map[string]json.RawMessage, bool) {
	var top map[string]json.RawMessage
	err := json.Unmarshal(data, &top)
	return top, err == nil && len(top) > 0
}

// shapeOf tells the lists apart by what their items hold.
func shapeOf(top map[string]json.RawMessage) string {
	for _, raw := range top {
		item, ok := objects(raw)
		if !ok {
			continue
		}
		if _, ok := objects(item["models"]); ok {
			return ShapeModelsDev
		}
		if item["litellm_provider"] != nil || item["input_cost_per_token"] != nil {
			return ShapeLiteLLM
		}
	}
	return ""
}

// skip notes an item that no row is made of.
func (c *Catalog) skip(name, format string, args ...any) {
	c.Skipped = append(c.Skipped, Skipped{Name: printable(name), Why: fmt.Sprintf(format, args...)})
}

// addRows takes rows of prism's own shape as they are.
func (c *Catalog) addRows(rows []Row) {
	for i := range rows {
		name := rows[i].Provider + "/" + rows[i].ModelMatch
		r := rows[i].clone()
		r.ID, r.Layer = "", LayerEmbedded
		if r.Profile != "" {
			c.skip(name, "%v", ErrProfileRow)
			continue
		}
		c.Offers = append(c.Offers, Offer{Row: r})
	}
}

// settle checks the rows, orders them and drops what is named twice.
func (c *Catalog) settle(source string) {
	offers := c.Offers
	c.Offers = nil
	slices.SortStableFunc(offers, func(a, b Offer) int {
		return strings.Compare(rowKey(&a.Row), rowKey(&b.Row))
	})
	seen := make(map[string]*Row, len(offers))
	for i := range offers {
		o := &offers[i]
		o.Row.Layer = LayerEmbedded
		name, key := o.Row.Provider+"/"+o.Row.ModelMatch, rowKey(&o.Row)
		if o.Row.Source == "" {
			o.Row.Source = source
		}
		var f faults
		if compile(&o.Row, &f); len(f) > 0 {
			c.skip(name, "%s", strings.ReplaceAll(f.err().Error(), "\n", "; "))
			continue
		}
		if before := seen[key]; before != nil {
			if !samePrices(before, &o.Row) {
				c.skip(name, "named twice, with different prices")
			}
			continue
		}
		seen[key] = &o.Row
		o.Doubts = append(o.Doubts, o.Row.Doubts()...)
		c.Offers = append(c.Offers, *o)
	}
	slices.SortFunc(c.Skipped, func(a, b Skipped) int { return strings.Compare(a.Name+"\x00"+a.Why, b.Name+"\x00"+b.Why) })
}

// rowKey is what a row is for and since when; two rows with one key would contradict each other.
func rowKey(r *Row) string {
	return r.Provider + "\x00" + r.ModelMatch + "\x00" + r.EffectiveFrom.UTC().Format("2006-01-02T15:04:05.000000")
}

// only keeps the items of some providers; none keeps all.
func (c *Catalog) only(keep func(provider string) bool) (left int) {
	c.Offers = slices.DeleteFunc(c.Offers, func(o Offer) bool {
		drop := !keep(o.Row.Provider)
		if drop {
			left++
		}
		return drop
	})
	c.Skipped = slices.DeleteFunc(c.Skipped, func(s Skipped) bool {
		provider, _, named := strings.Cut(s.Name, "/")
		return named && !keep(provider)
	})
	return left
}

// Only drops the items of other providers than those named, and returns how many rows that
// were.
func (c *Catalog) Only(providers []string) (left int) {
	return c.only(func(p string) bool { return slices.Contains(providers, p) })
}

// providerName is what the price book calls a provider that a catalog calls otherwise.
func providerName(name string) string {
	switch name {
	case "moonshotai":
		return "moonshot"
	case "alibaba", "dashscope":
		return "qwen"
	case "gemini":
		return "google"
	case "x-ai":
		return "xai"
	}
	return name
}

// maxName bounds the name of a model or a provider.
const maxName = 200

// nameProblem says why a text cannot be the name of a model in a row; empty means that it can.
func nameProblem(name string) string {
	switch {
	case name == "":
		return "no name"
	case len(name) > maxName:
		return "the name is too long"
	case printable(name) != name || strings.ContainsFunc(name, unicode.IsSpace):
		return "the name has characters that names do not have"
	case !newPattern(name).literal:
		return "the name is a pattern"
	}
	return ""
}

// printable cuts a foreign name and takes out what a terminal would act on.
func printable(name string) string {
	if len(name) > maxName {
		name = name[:maxName]
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name)
}

// sorted returns the names of an object in a fixed order.
func sorted(m map[string]json.RawMessage) []string { return slices.Sorted(maps.Keys(m)) }
