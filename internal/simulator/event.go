package simulator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Event is one server-sent event of a stream, before it is framed. Events of other dialects bear
// the names of what they correspond to in the Messages API, so that edits mean the same in each:
// [NoMessageStop] leaves out the [DONE] of a chat. The usage at its end is named usage.
type Event struct {
	Name string        // the event: line and, at the provider, the type in Data
	Data []byte        // the data: line; JSON
	Raw  []byte        // if set, sent verbatim in place of a frame
	Wait time.Duration // waited before it is sent

	said  *Usage // the usage it reports, if any
	line  string // the event: line where it is not Name
	ends  bool   // the last delta of a block, where nothing else ends blocks
	fails string // the error type it reports, if any
	why   string // the message of that error
	form  UsageForm
	whole bool // said has the keys of message_start
}

// Edit changes the events of a stream just before they are framed: whatever no other part
// can express. The slice may be kept and changed; the Data of its events may not.
func Edit(f func([]Event) []Event) Answer {
	return set(func(p *plan) { p.edits = append(p.edits, f) })
}

// Insert puts an event after the first n ones, or at the end where there are fewer.
func Insert(n int, name, data string) Answer {
	return InsertEvents(n, Event{Name: name, Data: []byte(data)})
}

// InsertRaw puts bytes after the first n events, verbatim: broken frames, bytes after
// message_stop, `data: [DONE]`.
func InsertRaw(n int, raw string) Answer { return InsertEvents(n, Event{Raw: []byte(raw)}) }

// InsertEvents puts events after the first n ones, or at the end where there are fewer.
func InsertEvents(n int, events ...Event) Answer {
	return Edit(func(list []Event) []Event { return slices.Insert(list, min(n, len(list)), events...) })
}

// Drop leaves out every event of that name.
func Drop(name string) Answer {
	return Edit(func(list []Event) []Event {
		return slices.DeleteFunc(list, func(e Event) bool { return e.Name == name })
	})
}

// NoMessageStop ends the stream after message_delta.
func NoMessageStop() Answer { return Drop("message_stop") }

// NoMessageDelta leaves out message_delta and what follows: the stream ends without a stop
// reason.
func NoMessageDelta() Answer { return Reply(Drop("message_delta"), Drop("message_stop")) }

// EmptyStream is a stream without any event.
func EmptyStream() Answer {
	return Reply(StreamInsteadOfJSON(), Edit(func([]Event) []Event { return nil }))
}

// errorEvent is an SSE error event in the shape of the API.
func errorEvent(typ, message string) Event {
	return Event{
		Name:  "error",
		fails: typ, why: message,
		Data: []byte(`{"type":"error","error":{"type":` + quoted(typ) + `,"message":` + quoted(message) + `}}`),
	}
}

// ErrorEventAfter ends the stream with an error event after the first n events.
func ErrorEventAfter(n int, typ, message string) Answer {
	return Edit(func(list []Event) []Event { return append(list[:min(n, len(list))], errorEvent(typ, message)) })
}

// ErrorEventFirst is a stream that consists of an error event.
func ErrorEventFirst(typ, message string) Answer { return ErrorEventAfter(0, typ, message) }

// ErrorEventAfterContent ends the stream with an error event within the first block, before
// any block is complete.
func ErrorEventAfterContent(typ, message string) Answer {
	return errorBefore("content_block_stop", typ, message)
}

// ErrorEventAfterBlocks ends the stream with an error event after the last complete block.
func ErrorEventAfterBlocks(typ, message string) Answer {
	return errorBefore("message_delta", typ, message)
}

func errorBefore(name, typ, message string) Answer {
	return Edit(func(list []Event) []Event {
		n := slices.IndexFunc(list, func(e Event) bool { return e.Name == name || e.ends && name == "content_block_stop" })
		if n < 0 {
			n = slices.IndexFunc(list, func(e Event) bool { return e.Name == "message_delta" })
		}
		if n < 0 {
			n = len(list)
		}
		return append(list[:n], errorEvent(typ, message))
	})
}

// Pings sends n ping events after message_start, a gap before each.
func Pings(n int, gap time.Duration) Answer {
	events := make([]Event, n)
	for i := range events {
		events[i] = Event{Name: "ping", Data: []byte(`{"type":"ping"}`), Wait: gap}
	}
	return InsertEvents(1, events...)
}

// CommentPings sends n comment lines after message_start, a gap before each.
func CommentPings(n int, gap time.Duration) Answer {
	events := make([]Event, n)
	for i := range events {
		events[i] = Event{Raw: []byte(": ping\n\n"), Wait: gap}
	}
	return InsertEvents(1, events...)
}

// Pause waits before the event after the first n ones.
func Pause(n int, d time.Duration) Answer {
	return Edit(func(list []Event) []Event {
		if n < len(list) {
			list[n].Wait += d
		}
		return list
	})
}

// EventDelay waits before each event but the first.
func EventDelay(d time.Duration) Answer {
	return Edit(func(list []Event) []Event {
		for i := 1; i < len(list); i++ {
			list[i].Wait += d
		}
		return list
	})
}

// Jitter waits before each event for a random time between low and high. The times are the
// same for the same seed.
func Jitter(seed uint64, low, high time.Duration) Answer {
	return Edit(func(list []Event) []Event {
		rng := rand.New(rand.NewPCG(seed, 1))
		for i := range list {
			list[i].Wait += low + time.Duration(rng.Int64N(int64(max(high-low, 0))+1))
		}
		return list
	})
}

// UnknownEvents adds, after every event but the last, an event of a type nobody knows.
func UnknownEvents() Answer {
	return Edit(func(list []Event) []Event {
		out := make([]Event, 0, 2*len(list))
		for i, e := range list {
			out = append(out, e)
			if i < len(list)-1 {
				out = append(out, Event{
					Name: "future_event",
					Data: fmt.Appendf(nil, `{"type":"future_event","n":%d,"usage":{"input_tokens":999999},"note":"日本語 \u2713"}`, i),
				})
			}
		}
		return out
	})
}

// Repeat sends every event of that name twice.
func Repeat(name string) Answer {
	return Edit(func(list []Event) []Event {
		out := make([]Event, 0, len(list)+1)
		for _, e := range list {
			out = append(out, e)
			if e.Name == name {
				out = append(out, e)
			}
		}
		return out
	})
}

// EarlierDelta sends a message_delta without a stop reason and with that usage before the
// final one: cumulative counts, or counts that go down.
func EarlierDelta(u Usage) Answer {
	return Edit(func(list []Event) []Event {
		n := slices.IndexFunc(list, func(e Event) bool { return e.Name == "message_delta" })
		if n < 0 {
			n = len(list)
		}
		data := []byte(`{"type":"message_delta","delta":{"stop_reason":null,"stop_sequence":null,"stop_details":null,"container":null},"usage":`)
		data = append(u.appendUsage(data, UsageFull, false), '}')
		return slices.Insert(list, n, Event{Name: "message_delta", Data: data, said: &u})
	})
}

// BadJSON cuts the data of the event after the first n ones in half.
func BadJSON(n int) Answer {
	return Edit(func(list []Event) []Event {
		if n < len(list) {
			list[n].Data = list[n].Data[:len(list[n].Data)/2]
			list[n].said = nil
		}
		return list
	})
}

// StrayDelta sends, after the first n events, a delta for a block that was never started.
func StrayDelta(n int) Answer {
	return Insert(n, "content_block_delta", `{"type":"content_block_delta","index":7,"delta":{"type":"text_delta","text":"stray"}}`)
}

// WrongDelta sends, after the first n events, a thinking delta for block 0.
func WrongDelta(n int) Answer {
	return Insert(n, "content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"wrong"}}`)
}

// IndexGap numbers the blocks 0, 2, 4 and so on.
func IndexGap() Answer { return set(func(p *plan) { p.stride = 2 }) }

// Interleave sends the deltas of all blocks in turns, all blocks being open at once.
func Interleave() Answer { return set(func(p *plan) { p.interleave = true }) }
