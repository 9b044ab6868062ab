package cloud

import "encoding/json"

// counts are the tokens that an event tells; nil = it does not.
type counts struct {
	Input  *int64 `json:"input_tokens"`
	Output *int64 `json:"output_tokens"`
	Read   *int64 `json:"cache_read_input_tokens"`
	Write  *int64 `json:"cache_creation_input_tokens"`
}

// metrics are Amazon's own counts, at the end of a stream. Input leaves the cached tokens out, as
// Anthropic's does.
type metrics struct {
	Input  *int64 `json:"inputTokenCount"`
	Output *int64 `json:"outputTokenCount"`
	Read   *int64 `json:"cacheReadInputTokenCount"`
	Write  *int64 `json:"cacheWriteInputTokenCount"`
}

// usage is what the events of a stream have told. Anthropic's counts stand; what they lack is
// taken from the last event, and nothing is ever added up.
type usage struct{ input, output, read, write bool }

// start takes message_start. Its output tokens are no more than a beginning.
func (u *usage) start(data []byte) {
	var v struct {
		Message struct {
			Usage counts `json:"usage"`
		} `json:"message"`
	}
	if json.Unmarshal(data, &v) == nil {
		c := &v.Message.Usage
		u.input, u.read, u.write = c.Input != nil, c.Read != nil, c.Write != nil
	}
}

// delta takes message_delta.
func (u *usage) delta(data []byte) {
	var v struct {
		Usage counts `json:"usage"`
	}
	if json.Unmarshal(data, &v) == nil {
		c := &v.Usage
		u.input, u.output = u.input || c.Input != nil, u.output || c.Output != nil
		u.read, u.write = u.read || c.Read != nil, u.write || c.Write != nil
	}
}

// complete returns delta with the counts that only the last event of the stream tells.
func (u *usage) complete(delta, stop []byte) []byte {
	var v struct {
		Usage   counts  `json:"usage"`
		Metrics metrics `json:"amazon-bedrock-invocationMetrics"`
	}
	if json.Unmarshal(stop, &v) != nil {
		return delta
	}
	more := map[string]int64{}
	for _, one := range []struct {
		name string
		told bool
		from [2]*int64
	}{
		{"input_tokens", u.input, [2]*int64{v.Usage.Input, v.Metrics.Input}},
		{"output_tokens", u.output, [2]*int64{v.Usage.Output, v.Metrics.Output}},
		{"cache_read_input_tokens", u.read, [2]*int64{v.Usage.Read, v.Metrics.Read}},
		{"cache_creation_input_tokens", u.write, [2]*int64{v.Usage.Write, v.Metrics.Write}},
	} {
		for _, n := range one.from {
			if !one.told && n != nil && *n >= 0 {
				more[one.name] = *n
				break
			}
		}
	}
	if len(more) == 0 {
		return delta
	}
	return withUsage(delta, more)
}

// withUsage returns an event with counts added to its usage.
func withUsage(event []byte, more map[string]int64) []byte {
	all, err := membersOf(event)
	if err != nil {
		return event
	}
	top, told := object{text: event}, object{}
	for _, m := range all {
		if m.key != "usage" {
			top.kept = append(top.kept, m)
			continue
		}
		told.text = event[m.value:m.end]
		within, _ := membersOf(told.text)
		for _, n := range within {
			if _, twice := more[n.key]; !twice {
				told.kept = append(told.kept, n)
			}
		}
	}
	for _, name := range []string{"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"} {
		if n, ok := more[name]; ok {
			told.add(name, n)
		}
	}
	top.addRaw("usage", told.bytes())
	return top.bytes()
}
