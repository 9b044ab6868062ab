package openai

// chunk is one object of an answer, as far as it says something of all of it. The bytes are those of the
// object; nil stands for null.
type chunk struct {
	id, model string
	usage     []byte
	usageAt   int  // where it begins; -1 = not in its own place
	fault     bool // it is an error
}

// choice is one of the answers. One is asked for, and others are not read.
type choice struct {
	index    int64
	delta    delta
	whole    bool // it has a message where a delta should be
	finish   string
	sequence string
	usage    []byte
	fault    []byte
}

// delta is what a choice adds, as JSON; nil stands for null.
type delta struct {
	content   []byte
	refusal   []byte
	reasoning []byte
	details   []byte
	calls     []byte
	call      []byte // function_call, of the time before tool calls
	extra     []byte
	at        int // where the last of those that are not nil begins
	n         int // how many are not nil
}

func (d *delta) empty() bool { return d.n == 0 }

// parse reads a chunk. Its choices are in d.choices.
func (d *chatAnswer) parse(r *reader) chunk {
	var c chunk
	var answer, complaint bool
	d.choices = d.choices[:0]
	d.repeat.begin()
	if !r.enter('{') {
		return c
	}
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "choices":
			answer = true
			d.parseChoices(r)
		case "usage":
			c.usage = r.value()
			c.usageAt, answer = r.from, true
		case "obfuscation": // OpenAI pads its chunks to hide how long the text is
			v := r.value()
			d.repeat.gaps.add(gapPadding, r.from, v)
		case "x_groq":
			if usage := r.field("usage"); usage != nil {
				c.usage, c.usageAt = usage, -1
			}
			answer = true
		case "id":
			if v := d.repeat.id.read(r); !d.named {
				c.id = words(v)
			}
		case "created":
			d.repeat.created.read(r)
		case "model":
			c.model = d.once(r)
		case "error":
			c.fault = c.fault || !nothing(r.value())
		case "object":
			c.fault = c.fault || string(r.value()) == `"error"`
		case "message", "detail", "msg", "errors":
			complaint = r.value() != nil || complaint
		case "base_resp": // MiniMax
			v := r.field("status_code")
			c.fault = c.fault || v != nil && string(v) != "0"
		default:
			r.skip()
		}
	}
	c.fault = c.fault || complaint && !answer
	return c
}

// once reads a string that matters only as long as the answer has no name.
func (d *chatAnswer) once(r *reader) string {
	if d.named {
		r.skip()
		return ""
	}
	return r.string()
}

// parseChoices reads the choices of index 0; many leave the index out.
func (d *chatAnswer) parseChoices(r *reader) {
	if !r.enter('[') {
		return
	}
	for r.item() {
		if r.peek() != '{' {
			r.skip()
			continue
		}
		if c := parseChoice(r); c.index == 0 {
			d.choices = append(d.choices, c)
		}
	}
}

func parseChoice(r *reader) choice {
	var c choice
	r.enter('{')
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "index":
			c.index, _ = r.int()
		case "delta":
			if v := parseDelta(r); !v.empty() {
				c.delta, c.whole = v, false
			}
		case "message":
			if v := parseDelta(r); c.delta.empty() && !v.empty() {
				c.delta, c.whole = v, true
			}
		case "finish_reason":
			if c.finish = r.string(); c.finish == "null" {
				c.finish = ""
			}
		case "stop_reason", "matched_stop": // vLLM, SGLang; a number where a token ended it
			if v := r.string(); v != "" && !reasonWord(v) {
				c.sequence = v
			}
		case "usage":
			c.usage = r.value()
		case "error":
			c.fault = r.value()
		default:
			r.skip()
		}
	}
	return c
}

func parseDelta(r *reader) delta {
	var d delta
	if !r.enter('{') {
		return d
	}
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "content":
			d.take(r, &d.content)
		case "reasoning_content":
			d.take(r, &d.reasoning)
		case "reasoning":
			if d.reasoning == nil {
				d.take(r, &d.reasoning)
				continue
			}
			r.skip()
		case "reasoning_details":
			d.take(r, &d.details)
		case "tool_calls":
			d.take(r, &d.calls)
		case "function_call":
			d.take(r, &d.call)
		case "refusal":
			d.take(r, &d.refusal)
		case "extra_content":
			d.take(r, &d.extra)
		default:
			r.skip()
		}
	}
	return d
}

// take reads a field. What holds nothing counts as null.
func (d *delta) take(r *reader, to *[]byte) {
	v := r.value()
	if nothing(v) {
		return
	}
	if *to == nil {
		d.n++
	}
	*to, d.at = v, r.from
}

// nothing tells whether a value says nothing.
func nothing(v []byte) bool {
	switch string(v) {
	case "", `""`, "[]", "{}", "false":
		return true
	}
	return false
}

// field reads one member of an object; nil where it has none.
func (r *reader) field(name string) []byte {
	var v []byte
	if !r.enter('{') {
		return nil
	}
	for key := r.key(); key != nil; key = r.key() {
		if string(key) == name {
			v = r.value()
		} else {
			r.skip()
		}
	}
	return v
}
