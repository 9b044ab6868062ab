package translate

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strconv"
	"strings"
)

// MessageID makes an id of the Messages API of a provider's.
func MessageID(id string) string { return "msg_" + clean(id) }

// messageID makes an id of the Messages API of a provider's. The client takes two answers of one id for
// parts of one message, and sends them back as one: an id that others may have as well gets more.
func (o *Opening) messageID(id string) string {
	if o.Exchange != "" && len(strings.TrimLeft(id, lowercase)) < ownID {
		id += "_" + o.Exchange
	}
	return MessageID(id)
}

const (
	lowercase = "abcdefghijklmnopqrstuvwxyz"
	ownID     = 16 // characters behind the word that an id begins with; some servers draw one of a thousand, or have one for all
)

// EncodedID is what an id of a tool call begins with that could not stay as the provider wrote it.
const EncodedID = "pid_"

// ToolID makes an id that the Messages API accepts of a provider's, the same each time. An id that
// is acceptable stays as it is; of any other, [ProviderID] finds the original again: some providers
// want their own id back.
func ToolID(id string) string {
	if plain(id) && !strings.HasPrefix(id, EncodedID) {
		return id
	}
	const digits = "0123456789abcdef"
	b := []byte(EncodedID)
	for i := range len(id) {
		c := id[i]
		if letter(c) || c == '-' {
			b = append(b, c)
			continue
		}
		b = append(b, '_', digits[c>>4], digits[c&15])
	}
	return string(b)
}

// ProviderID is the id that [ToolID] was given.
func ProviderID(id string) string {
	coded, ok := strings.CutPrefix(id, EncodedID)
	if !ok {
		return id
	}
	b := make([]byte, 0, len(coded))
	for i := 0; i < len(coded); i++ {
		if coded[i] != '_' {
			b = append(b, coded[i])
			continue
		}
		if i+2 >= len(coded) {
			return id
		}
		c, err := hex.DecodeString(coded[i+1 : i+3])
		if err != nil {
			return id
		}
		b = append(b, c...)
		i += 2
	}
	return string(b)
}

// madeID is the id of a tool call to which the provider gave none: the same for the same call of
// the same answer.
func madeID(answer string, n int) string {
	sum := sha256.Sum256([]byte(answer + "\x00" + strconv.Itoa(n)))
	text := new(big.Int).SetBytes(sum[:]).Text(62)
	return "toolu_" + text[:min(24, len(text))]
}

// numberedID is the nth id that is made of one. With "_" in the place of "-" the client takes it for an
// id that it has made itself, and loses the result of the call.
func numberedID(id string, n int) string { return id + "-" + strconv.Itoa(n) }

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// plain tells whether the API accepts an id as it is.
func plain(id string) bool {
	for i := range len(id) {
		if c := id[i]; !letter(c) && c != '_' && c != '-' {
			return false
		}
	}
	return id != ""
}

// clean replaces what an id must not have.
func clean(id string) string {
	b := []byte(id)
	for i, c := range b {
		if !letter(c) && c != '_' && c != '-' {
			b[i] = '_'
		}
	}
	return string(b)
}
