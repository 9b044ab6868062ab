package translatetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Event is one server-sent event.
type Event struct{ Name, Data string }

// Events splits a stream into its events. It takes nothing but what prism writes: an event line, a
// data line, a blank line.
func Events(stream string) ([]Event, error) {
	var list []Event
	for stream != "" {
		one, rest, ok := strings.Cut(stream, "\n\n")
		if !ok {
			return list, fmt.Errorf("event %d has no end", len(list))
		}
		name, data, ok := strings.Cut(one, "\ndata: ")
		name, named := strings.CutPrefix(name, "event: ")
		if !ok || !named || strings.ContainsAny(data, "\r\n") {
			return list, fmt.Errorf("event %d is not an event line and a data line: %.80q", len(list), one)
		}
		list = append(list, Event{name, data})
		stream = rest
	}
	return list, nil
}

// Answer is what a stream came to.
type Answer struct {
	Blocks     []Block
	StopReason string
	Complete   bool // message_stop came last
	Failed     bool // an error event came last
}

// Block is a content block that was put together.
type Block struct {
	Type, ID, Name string
	Text           string // text, thinking or the JSON of an input
	Signature      string
}

// event is what of all events the grammar needs.
type event struct {
	Type    string
	Index   *int
	Message struct {
		ID         string
		Content    []json.RawMessage
		StopReason *string `json:"stop_reason"`
	}
	Block struct {
		Type, ID, Name string
		Text, Thinking string
		Signature      string
		Input          json.RawMessage
	} `json:"content_block"`
	Delta struct {
		Type        string
		Text        *string
		Thinking    *string
		Signature   *string
		PartialJSON *string `json:"partial_json"`
		StopReason  string  `json:"stop_reason"`
	}
}

// checker follows a stream.
type checker struct {
	answer  Answer
	started bool
	ended   bool // a stop reason came
	open    bool
	signed  bool
	ids     map[string]bool
}

// Check follows the grammar of section 1.8 of the protocol: one message_start, blocks numbered
// without gaps and one open at a time, deltas of the type of their block, a signature last in its
// block, one message_delta, message_stop last; or an error event last, with nothing behind it. A ping
// may stand anywhere before the end.
func Check(stream string) (*Answer, error) {
	list, err := Events(stream)
	if err != nil {
		return nil, err
	}
	c := checker{ids: make(map[string]bool)}
	for i, e := range list {
		if err := c.take(e); err != nil {
			return nil, fmt.Errorf("event %d (%s): %w", i, e.Name, err)
		}
	}
	return &c.answer, nil
}

func (c *checker) take(e Event) error {
	var v event
	if err := json.Unmarshal([]byte(e.Data), &v); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	switch {
	case v.Type != e.Name:
		return fmt.Errorf("its type is %q", v.Type)
	case v.Type == "ping" && !c.answer.Complete && !c.answer.Failed:
		return nil
	case c.answer.Complete || c.answer.Failed:
		return errors.New("it comes behind the end")
	case v.Type == "error":
		c.answer.Failed = true
		return nil
	case c.started == (v.Type == "message_start"):
		return errors.New("message_start must come first, and once")
	case c.ended && v.Type != "message_stop":
		return errors.New("it comes behind message_delta")
	}
	switch v.Type {
	case "message_start":
		c.started = true
		if len(v.Message.Content) > 0 || v.Message.StopReason != nil || v.Message.ID == "" {
			return errors.New("its message is not empty")
		}
		return nil
	case "content_block_start":
		return c.start(&v)
	case "content_block_delta":
		return c.delta(&v)
	case "content_block_stop":
		return c.stop(&v)
	case "message_delta":
		if c.open || v.Delta.StopReason == "" {
			return errors.New("a block is open, or there is no stop reason")
		}
		c.ended, c.answer.StopReason = true, v.Delta.StopReason
		return nil
	case "message_stop":
		if !c.ended {
			return errors.New("no message_delta came")
		}
		c.answer.Complete = true
		return nil
	}
	return errors.New("it is not of the API")
}

func (c *checker) start(v *event) error {
	b := &v.Block
	switch {
	case c.open:
		return errors.New("another block is open")
	case v.Index == nil || *v.Index != len(c.answer.Blocks):
		return errors.New("the index is not the next one")
	case b.Text+b.Thinking+b.Signature != "":
		return errors.New("the block is not empty")
	case calls(b.Type) && (string(b.Input) != "{}" || b.ID == "" || c.ids[b.ID]):
		return errors.New("a tool call begins with {} and an id of its own")
	}
	c.open, c.signed = true, false
	c.ids[b.ID] = true
	c.answer.Blocks = append(c.answer.Blocks, Block{Type: b.Type, ID: b.ID, Name: b.Name})
	return nil
}

// calls tells whether a block is the call of a tool, the provider's own included.
func calls(typ string) bool { return typ == "tool_use" || typ == "server_tool_use" }

// current is the block that an event is about.
func (c *checker) current(v *event) (*Block, error) {
	n := len(c.answer.Blocks) - 1
	if !c.open || v.Index == nil || *v.Index != n {
		return nil, errors.New("its block is not open")
	}
	return &c.answer.Blocks[n], nil
}

func (c *checker) delta(v *event) error {
	b, err := c.current(v)
	if err != nil {
		return err
	}
	if c.signed {
		return errors.New("it comes behind the signature")
	}
	d := &v.Delta
	switch {
	case d.Type == "text_delta" && b.Type == "text" && d.Text != nil:
		b.Text += *d.Text
	case d.Type == "thinking_delta" && b.Type == "thinking" && d.Thinking != nil:
		b.Text += *d.Thinking
	case d.Type == "input_json_delta" && calls(b.Type) && d.PartialJSON != nil:
		b.Text += *d.PartialJSON
	case d.Type == "signature_delta" && b.Type == "thinking" && d.Signature != nil && *d.Signature != "":
		c.signed, b.Signature = true, *d.Signature
	default:
		return fmt.Errorf("a %s in a block of type %s", d.Type, b.Type)
	}
	return nil
}

func (c *checker) stop(v *event) error {
	b, err := c.current(v)
	if err != nil {
		return err
	}
	switch {
	case b.Type == "thinking" && !c.signed:
		return errors.New("there is no signature")
	case b.Type == "text" && strings.TrimSpace(b.Text) == "":
		return errors.New("a text without text")
	case calls(b.Type) && b.Text == "":
		return errors.New("a tool call without input")
	}
	c.open = false
	return nil
}
