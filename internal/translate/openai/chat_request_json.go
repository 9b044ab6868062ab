package openai

import (
	"encoding/json"

	"prism/internal/translate"
)

// writer writes JSON, commas included. Who uses it sees to it that it is balanced.
type writer struct{ b []byte }

// comma stands before every key and every element but the first. A value never ends in one of
// these bytes.
func (w *writer) comma() {
	if n := len(w.b); n > 0 {
		switch w.b[n-1] {
		case '{', '[', ':':
		default:
			w.b = append(w.b, ',')
		}
	}
}

// begin opens an object or an array.
func (w *writer) begin(bracket byte) {
	w.comma()
	w.b = append(w.b, bracket)
}

func (w *writer) end(bracket byte) { w.b = append(w.b, bracket) }

func (w *writer) key(name string) {
	w.comma()
	w.b = append(translate.Quote(w.b, name), ':')
}

func (w *writer) text(s string) {
	w.comma()
	w.b = translate.Quote(w.b, s)
}

func (w *writer) raw(v []byte) {
	w.comma()
	w.b = append(w.b, v...)
}

// field writes a member whose value is a string; rawField, one whose value is JSON.
func (w *writer) field(name, s string) {
	w.key(name)
	w.text(s)
}

func (w *writer) rawField(name string, v []byte) {
	w.key(name)
	w.raw(v)
}

// member is a field of a request.
type member struct {
	name  string
	value json.RawMessage
}

// members are the fields of a request, in their order.
type members []member

// set adds a field, or replaces the one of that name.
func (m *members) set(name string, value json.RawMessage) {
	for i := range *m {
		if (*m)[i].name == name {
			(*m)[i].value = value
			return
		}
	}
	*m = append(*m, member{name, value})
}

// lay puts the fields of an object over those that are there; objects are merged, not replaced.
func (m *members) lay(extra string) {
	if extra == "" || !json.Valid([]byte(extra)) {
		return
	}
	for name, v := range translate.Fields([]byte(extra)) {
		m.set(name, merge(m.get(name), v))
	}
}

func (m *members) get(name string) json.RawMessage {
	for _, one := range *m {
		if one.name == name {
			return one.value
		}
	}
	return nil
}

// merge returns over, with the fields of under that it does not have where both are objects.
func merge(under, over json.RawMessage) json.RawMessage {
	if !translate.Is(under, '{') || !translate.Is(over, '{') {
		return over
	}
	m := fieldsOf(under)
	at := make(map[string]int, len(m))
	for i, one := range m {
		at[one.name] = i
	}
	for name, v := range translate.Fields(over) {
		if i, ok := at[name]; ok {
			m[i].value = v
			continue
		}
		m = append(m, member{name, v})
	}
	return m.render()
}

// render writes the object.
func (m members) render() json.RawMessage {
	size := 2
	for _, one := range m {
		size += len(one.name) + len(one.value) + 4
	}
	w := writer{make([]byte, 0, size)}
	w.begin('{')
	for _, one := range m {
		w.rawField(one.name, one.value)
	}
	w.end('}')
	return w.b
}

// quoted renders a string.
func quoted(s string) json.RawMessage { return translate.Quote(nil, s) }
