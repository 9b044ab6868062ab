package transfer

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// parseJSON reads JSON and what people write for it: comments, commas behind the last item, names
// without quotes, single quotes and the numbers of JSON5.
func parseJSON(src []byte) (*node, error) {
	if len(src) > maxSource {
		return nil, ErrTooLarge
	}
	if !utf8.Valid(src) {
		return nil, fmt.Errorf("%w: the text is not UTF-8", ErrFormat)
	}
	p := jsonParser{text: strings.TrimPrefix(string(src), "\ufeff")}
	n, err := p.document()
	if err != nil {
		return nil, err
	}
	return n, nil
}

// jsonParser reads one text from its front.
type jsonParser struct {
	text  string
	at    int
	nodes int
}

func (p *jsonParser) document() (*node, error) {
	n, err := p.read(0)
	if err != nil {
		return nil, err
	}
	if err := p.space(); err != nil {
		return nil, err
	}
	if p.at < len(p.text) {
		return nil, p.wrong("something behind the end")
	}
	return n, nil
}

// wrong says what is wrong at which line; never what stands there, which may be a key.
func (p *jsonParser) wrong(what string) error {
	return fmt.Errorf("%w: line %d: %s", ErrFormat, 1+strings.Count(p.text[:min(p.at, len(p.text))], "\n"), what)
}

// peek returns the next byte, 0 at the end.
func (p *jsonParser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// space passes blanks and comments.
func (p *jsonParser) space() error {
	for p.at < len(p.text) {
		rest := p.text[p.at:]
		switch c, size := utf8.DecodeRuneInString(rest); {
		case unicode.IsSpace(c) || c == '\ufeff':
			p.at += size
		case strings.HasPrefix(rest, "//"):
			if i := strings.IndexAny(rest, "\r\n"); i >= 0 {
				p.at += i
			} else {
				p.at = len(p.text)
			}
		case strings.HasPrefix(rest, "/*"):
			i := strings.Index(rest[2:], "*/")
			if i < 0 {
				return p.wrong("a comment without an end")
			}
			p.at += i + 4
		default:
			return nil
		}
	}
	return nil
}

// read reads a value that lies so deep.
func (p *jsonParser) read(depth int) (*node, error) {
	if p.nodes++; p.nodes > maxNodes || depth > maxDepth {
		return nil, ErrTooLarge
	}
	if err := p.space(); err != nil {
		return nil, err
	}
	switch c := p.peek(); c {
	case '{':
		return p.fields(depth)
	case '[':
		return p.list(depth)
	case '"', '\'':
		s, err := p.quoted(c)
		return &node{kind: kindText, value: s}, err
	default:
		return p.bare()
	}
}

func (p *jsonParser) fields(depth int) (*node, error) {
	n := &node{kind: kindFields}
	index := map[string]int{}
	p.at++
	for {
		if err := p.space(); err != nil {
			return nil, err
		}
		if p.peek() == '}' {
			p.at++
			return n, nil
		}
		key, err := p.key()
		if err != nil {
			return nil, err
		}
		if err := p.space(); err != nil {
			return nil, err
		}
		if p.peek() != ':' {
			return nil, p.wrong("a colon is missing")
		}
		p.at++
		value, err := p.read(depth + 1)
		if err != nil {
			return nil, err
		}
		if i, twice := index[key]; twice {
			n.items[i] = value
		} else {
			index[key] = len(n.keys)
			n.keys, n.items = append(n.keys, key), append(n.items, value)
		}
		if err := p.comma('}'); err != nil {
			return nil, err
		}
	}
}

func (p *jsonParser) list(depth int) (*node, error) {
	n := &node{kind: kindList}
	p.at++
	for {
		if err := p.space(); err != nil {
			return nil, err
		}
		if p.peek() == ']' {
			p.at++
			return n, nil
		}
		item, err := p.read(depth + 1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
		if err := p.comma(']'); err != nil {
			return nil, err
		}
	}
}

// comma passes the comma behind an item, or stays in front of the end.
func (p *jsonParser) comma(end byte) error {
	if err := p.space(); err != nil {
		return err
	}
	switch p.peek() {
	case ',':
		p.at++
		return nil
	case end:
		return nil
	}
	return p.wrong("a comma or a bracket is missing")
}

// key reads the name of a field.
func (p *jsonParser) key() (string, error) {
	if c := p.peek(); c == '"' || c == '\'' {
		return p.quoted(c)
	}
	if word := p.word(); word != "" {
		return word, nil
	}
	return "", p.wrong("the name of a field is missing")
}

// word takes letters, digits and the signs of names and numbers.
func (p *jsonParser) word() string {
	rest := p.text[p.at:]
	i := strings.IndexFunc(rest, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_$+-.", r)
	})
	if i < 0 {
		i = len(rest)
	}
	p.at += i
	return rest[:i]
}

// bare reads a value without quotes.
func (p *jsonParser) bare() (*node, error) {
	switch word := p.word(); word {
	case "":
		return nil, p.wrong("a value is missing")
	case "null", "undefined":
		return &node{}, nil
	case "true", "false":
		return &node{kind: kindBoolean, value: word}, nil
	default:
		if _, err := strconv.ParseFloat(strings.TrimPrefix(word, "+"), 64); err == nil {
			return &node{kind: kindNumber, value: word}, nil
		}
		if _, err := strconv.ParseInt(strings.TrimLeft(word, "+-"), 0, 64); err == nil {
			return &node{kind: kindNumber, value: word}, nil
		}
		return nil, p.wrong("a value that is neither a text nor a number")
	}
}

// quoted reads a text between quotes of one kind.
func (p *jsonParser) quoted(quote byte) (string, error) {
	p.at++
	var b strings.Builder
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch c {
		case quote:
			return b.String(), nil
		case '\n', '\r':
			return "", p.wrong("a text without an end")
		case '\\':
			if err := p.escaped(&b); err != nil {
				return "", err
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", p.wrong("a text without an end")
}

// escaped reads what stands behind a backslash.
func (p *jsonParser) escaped(b *strings.Builder) error {
	if p.at >= len(p.text) {
		return p.wrong("a text without an end")
	}
	c, size := utf8.DecodeRuneInString(p.text[p.at:])
	p.at += size
	switch c {
	case 'b', 'f', 'n', 'r', 't', 'v', '0':
		b.WriteByte(map[rune]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '0': 0}[c])
	case 'x':
		r, err := p.hex(2)
		b.WriteRune(r)
		return err
	case 'u':
		r, err := p.hex(4)
		if utf16.IsSurrogate(r) && strings.HasPrefix(p.text[p.at:], `\u`) {
			p.at += 2
			var low rune
			if low, err = p.hex(4); err == nil {
				r = utf16.DecodeRune(r, low)
			}
		}
		b.WriteRune(r) // half of a pair becomes the replacement character
		return err
	case '\r':
		if p.peek() == '\n' {
			p.at++
		}
	case '\n', '\u2028', '\u2029': // the text goes on in the next line
	default:
		b.WriteRune(c)
	}
	return nil
}

// hex reads so many hexadecimal digits.
func (p *jsonParser) hex(digits int) (rune, error) {
	if p.at+digits > len(p.text) {
		return 0, p.wrong("a text without an end")
	}
	n, err := strconv.ParseUint(p.text[p.at:p.at+digits], 16, 32)
	if err != nil {
		return 0, p.wrong("an escape that is none")
	}
	p.at += digits
	return rune(n), nil
}
