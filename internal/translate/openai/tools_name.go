package openai

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strconv"

	"prism/config"
	"prism/internal/translate"
)

// maxToolName is how long a tool's name may be at most providers.
const maxToolName = 64

// namer gives tools names that the provider accepts. The same name becomes the same each time, so
// that a conversation reads on as it began.
type namer struct {
	limit  int
	letter bool              // a name must not begin with a digit or a dash
	back   map[string]string // as sent -> as the client knows it; only those that differ
}

func newNamer(q *config.Quirks) *namer {
	n := &namer{limit: maxToolName, letter: q.Schema == schemaGemini}
	if q.ToolName > 0 {
		n.limit = int(max(q.ToolName, minToolName))
	}
	return n
}

// minToolName leaves room for a hash and something to read before it.
const minToolName = 16

// hashLength is how many characters of a hash tell shortened names apart.
const hashLength = 8

// sent is the name as the provider gets it.
func (n *namer) sent(name string) string {
	b := []byte(name)
	for i, c := range b {
		if !alphanumeric(c) && c != '_' && c != '-' {
			b[i] = '_'
		}
	}
	if n.letter && len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9') {
		b = append([]byte{'_'}, b...)
	}
	if string(b) == name && len(b) <= n.limit {
		return name
	}
	b = append(b[:min(len(b), n.limit-hashLength-1)], '_')
	out := string(b) + hash(name, hashLength)
	if n.back == nil {
		n.back = make(map[string]string)
	}
	n.back[out] = name
	return out
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func hash(s string, length int) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:length]
}

// callIDs gives tool calls ids that differ from one another.
type callIDs struct {
	form  string
	taken map[string]int
}

func newCallIDs(q *config.Quirks) callIDs { return callIDs{q.ToolID, make(map[string]int)} }

// of is the id of the next call. One that came from a provider is what it was there: some know their
// own only.
func (c *callIDs) of(id string) string {
	id = toolID(translate.ProviderID(id), c.form)
	out := id
	for c.taken[out] > 0 {
		c.taken[id]++
		out = toolID(id+"-"+strconv.Itoa(c.taken[id]), c.form)
	}
	c.taken[out]++
	return out
}

// toolID gives a tool call an id of the form that the provider accepts, the same each time.
func toolID(id, form string) string {
	switch form {
	case "short9":
		return short(id)
	case "max40":
		return cut(id, 40)
	case "max64":
		return cut(id, 64)
	default:
		return id
	}
}

// short makes nine letters or digits of an id that is none such.
func short(id string) string {
	const length, base = 9, 62
	plain := len(id) == length
	for i := range len(id) {
		plain = plain && alphanumeric(id[i])
	}
	if plain {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	digits := new(big.Int).SetBytes(sum[:]).Text(base)
	return digits[len(digits)-length:]
}

func cut(id string, limit int) string {
	if len(id) <= limit {
		return id
	}
	return id[:limit-hashLength-1] + "_" + hash(id, hashLength)
}
