// Package sdk has Anthropic's own Go SDK read what prism writes. It stands apart because whoever
// imports it links the SDK. It is for tests only.
package sdk

import (
	"encoding/json"
	"fmt"

	"github.com/anthropics/anthropic-sdk-go/v2"

	"prism/internal/translate/translatetest"
)

// Accumulate puts a stream together.
func Accumulate(stream string) (*anthropic.Message, error) {
	list, err := translatetest.Events(stream)
	if err != nil {
		return nil, err
	}
	var m anthropic.Message
	for i, e := range list {
		if e.Name == "ping" || e.Name == "error" { // not of the union
			continue
		}
		var v anthropic.MessageStreamEventUnion
		if err := json.Unmarshal([]byte(e.Data), &v); err != nil {
			return nil, fmt.Errorf("event %d (%s): %w", i, e.Name, err)
		}
		if err := m.Accumulate(v); err != nil {
			return nil, fmt.Errorf("event %d (%s): %w", i, e.Name, err)
		}
	}
	return &m, nil
}
