package config

import (
	"errors"
	"fmt"
	"slices"
)

// ErrHasToken is returned where a file has a client_token already.
var ErrHasToken = errors.New("the file has a client_token")

// AddClientToken puts client_token into a src that has none, in clear text, and changes nothing else;
// sealing it is the caller's.
func AddClientToken(src []byte, token Secret) ([]byte, error) {
	before, err := parseForSplice(src)
	if err != nil {
		return nil, fmt.Errorf("splice token: %w", err)
	}
	if valueOf(before, tokenKey) != nil {
		return nil, fmt.Errorf("splice token: %w", ErrHasToken)
	}
	s := &listSplice{src: src}
	at, lead, tail := len(src), s.newline(), ""
	if v := valueOf(before, "sops"); v != nil {
		at, lead, tail = lineStart(src, v.Key.GetToken().Position.Line), "", s.newline()
	} else if len(src) > 0 && src[len(src)-1] != '\n' && src[len(src)-1] != '\r' {
		lead += s.newline()
	}
	line := lead + tokenKey + ": " + quote(token.Reveal()) + s.newline() + tail
	out := slices.Concat(src[:at], []byte(line), src[at:])
	after, err := parseForSplice(out)
	if err != nil || len(after.Values) != len(before.Values)+1 || valueOf(after, tokenKey) == nil {
		return nil, errors.New("splice token: the result would differ in more than one field")
	}
	return out, nil
}

// tokenKey is the field that holds the client token.
const tokenKey = "client_token"
