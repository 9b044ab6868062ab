package cloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// errNotObject is a body that is not a JSON object.
var errNotObject = errors.New("the body is not a JSON object")

// member is one member of a JSON object: its key and value are text[start:end], its value alone
// is text[value:end].
type member struct {
	key               string
	start, value, end int
}

// membersOf finds the members of a JSON object, in one pass and without looking into the values.
// It accepts every valid object and many invalid ones, which it leaves for others to refuse.
func membersOf(text []byte) ([]member, error) {
	i := space(text, 0)
	if i == len(text) || text[i] != '{' {
		return nil, errNotObject
	}
	var all []member
	for i = space(text, i+1); i < len(text) && text[i] == '"'; {
		m := member{start: i}
		if i = stringEnd(text, i); i < 0 {
			return nil, errNotObject
		}
		key := text[m.start:i]
		if m.key = string(key[1 : len(key)-1]); bytes.IndexByte(key, '\\') >= 0 && json.Unmarshal(key, &m.key) != nil {
			return nil, errNotObject
		}
		if i = space(text, i); i == len(text) || text[i] != ':' {
			return nil, errNotObject
		}
		m.value = space(text, i+1)
		if i = valueEnd(text, m.value); i <= m.value {
			return nil, errNotObject
		}
		m.end = i
		all = append(all, m)
		if i = space(text, i); i == len(text) || text[i] != ',' {
			break
		}
		if i = space(text, i+1); i == len(text) || text[i] != '"' {
			return nil, errNotObject
		}
	}
	if i == len(text) || text[i] != '}' || space(text, i+1) != len(text) {
		return nil, errNotObject
	}
	return all, nil
}

// space returns where the white space at i ends.
func space(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns the place behind the string that begins at i, -1 where it does not end.
func stringEnd(text []byte, i int) int {
	for i++; ; i++ {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			return -1
		}
		back := 0
		for j := i + n - 1; j >= i && text[j] == '\\'; j-- {
			back++
		}
		if i += n; back%2 == 0 {
			return i + 1
		}
	}
}

// valueEnd returns the place behind the value that begins at i, -1 where it does not end.
func valueEnd(text []byte, i int) int {
	depth := 0
	for i < len(text) {
		switch c := text[i]; c {
		case '"':
			if i = stringEnd(text, i); i < 0 || depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']', ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
			if c == '}' || c == ']' {
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
		i++
	}
	if depth > 0 {
		return -1
	}
	return i
}

// object is a JSON object that is made of another one: the members of text that are kept, as they
// stand there, and others behind them.
type object struct {
	text  []byte
	kept  []member
	added []byte // members, each with a comma behind it
}

// add adds a member: a text, a number or a list of texts.
func (o *object) add(key string, value any) {
	raw, _ := json.Marshal(value)
	o.addRaw(key, raw)
}

func (o *object) addRaw(key string, raw []byte) {
	o.added = append(append(append(o.added, '"'), key...), '"', ':')
	o.added = append(append(o.added, raw...), ',')
}

// has tells whether a member is kept.
func (o *object) has(key string) bool {
	return slices.ContainsFunc(o.kept, func(m member) bool { return m.key == key })
}

// bytes renders the object.
func (o *object) bytes() []byte {
	size := len(o.added) + 2
	for i := range o.kept {
		size += o.kept[i].end - o.kept[i].start + 1
	}
	b := append(make([]byte, 0, size), '{')
	for i := range o.kept {
		b = append(append(b, o.text[o.kept[i].start:o.kept[i].end]...), ',')
	}
	if b = append(b, o.added...); b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return append(b, '}')
}
