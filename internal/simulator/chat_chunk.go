package simulator

import "strconv"

// call returns the deltas of block i, which is the nth tool call.
func (c *chat) call(b *block, i, n int) []string {
	one := func(first bool, arguments string) string {
		d := `{"tool_calls":[{`
		switch c.h.toolIndexes {
		case toolGood:
			d += `"index":` + strconv.Itoa(n*max(c.p.stride, 1)) + `,`
		case toolSame:
			d += `"index":0,`
		case toolMissing:
		}
		if first && c.h.toolIDs == toolGood {
			d += `"id":` + quoted(c.callID(b, i)) + `,`
		}
		if first {
			d += `"type":"function",`
		}
		d += `"function":{`
		if first || c.h.repeatName {
			d += `"name":` + quoted(b.name) + `,`
		}
		return d + `"arguments":` + arguments + `}}]}`
	}
	if c.h.object {
		return []string{one(true, wholeInput(b.text))}
	}
	if c.h.atOnce || b.piece < 1 {
		return []string{one(true, quoted(b.text))}
	}
	list := []string{one(true, `""`)}
	for piece := range pieces(b.text, b.piece) {
		list = append(list, one(false, quoted(piece)))
	}
	if c.h.repeatArgs {
		list = append(list, one(false, quoted(b.text)))
	}
	return list
}

// callID is the id of tool block i: its own, or one that is unique to the message.
func (c *chat) callID(b *block, i int) string { return callID(b, c.m, i) }

func callID(b *block, m *message, i int) string {
	if b.id != "" {
		return b.id
	}
	return string(appendID([]byte("call_"), m.seed+1, m.seq<<16|uint64(i), 24))
}

// delta makes a chunk with one choice.
func (c *chat) delta(name, delta, finish string) *Event {
	key := "delta"
	if c.h.wholeMessage {
		key = "message"
	}
	reason := "null"
	switch {
	case finish != "":
		reason = quoted(finish)
	case c.h.emptyFinish:
		reason = `""`
	}
	choice := `"choices":[{"index":0,"` + key + `":` + delta + `,"logprobs":null,"finish_reason":` + reason
	if finish != "" && c.h.matchedStop && c.p.stopSequence != "" {
		choice += `,"stop_reason":` + quoted(c.p.stopSequence)
	}
	rest := ""
	if finish != "" && c.usage != nil {
		switch c.h.usageIn {
		case UsageInFinish:
			rest = `,"usage":` + c.usageJSON(c.usage)
		case UsageInXGroq:
			rest = `,"x_groq":{"id":"req_x","usage":` + c.usageJSON(c.usage) + `}`
		case UsageInChoice:
			choice += `,"usage":` + c.usageJSON(c.usage)
		}
	}
	var running *Usage
	switch {
	case c.h.usageIn == UsageEverywhere && c.usage != nil:
		running = c.running(name)
		rest = `,"usage":` + c.usageJSON(running)
	case rest == "" && c.m.reportsUsage && c.h.usageIn == UsageSeparate:
		rest = `,"usage":null`
	}
	e := c.chunk(name, choice+`}]`+rest)
	e.said = running
	return e
}

// running is the usage up to a chunk of that name.
func (c *chat) running(name string) *Usage {
	u := *c.usage
	if name == "content_block_delta" {
		c.sent = min(c.sent+1, u.Output)
	}
	u.Output = c.sent
	u.Thinking = min(u.Thinking, c.sent)
	return &u
}

// chunk makes a chunk of these members.
func (c *chat) chunk(name, members string) *Event {
	r := c.r
	start := len(r.arena)
	r.arena = append(r.arena, `{"id":"`...)
	r.arena = append(r.arena, c.id()...)
	r.arena = strconv.AppendInt(append(r.arena, `","object":"chat.completion.chunk","created":`...), c.m.created, 10)
	r.arena = appendString(append(r.arena, `,"model":`...), c.m.model)
	r.arena = append(r.arena, `,"system_fingerprint":"fp_simulated",`...)
	r.arena = append(append(r.arena, members...), '}')
	return r.add(name, start)
}
