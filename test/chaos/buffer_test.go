package chaos

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// events are a whole message in ten events.
func events() []string {
	frame := func(name, data string) string { return "event: " + name + "\ndata: " + data + "\n\n" }
	list := []string{
		frame("message_start", `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":100,"cache_read_input_tokens":50,"output_tokens":1}}}`),
		frame("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`),
	}
	for range 5 {
		list = append(list, frame("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"word "}}`))
	}
	return append(list,
		frame("content_block_stop", `{"type":"content_block_stop","index":0}`),
		frame("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}`),
		frame("message_stop", `{"type":"message_stop"}`),
	)
}

// TestEveryEventArrivesBeforeTheNextIsSent lets the upstream wait for the client after every
// event: anything that is kept back anywhere would stop both for ever. What is held before the
// commit is the exception.
func TestEveryEventArrivesBeforeTheNextIsSent(t *testing.T) {
	for name, fallback := range map[string]bool{"78/alone": false, "78/fallback": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := events()
			arrived := make(chan struct{}, len(list))
			s := perform(t, streamed, options{}, part{name: "work", worse: talking(nil, func(c net.Conn) {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"+list[0])
				for _, e := range list[1:] {
					if _, err := io.WriteString(c, e); err != nil {
						return
					}
					select {
					case <-arrived:
					case <-time.After(15 * time.Second):
						return
					}
				}
			})})
			if fallback {
				spare := newProvider(t, "spare", reply(), false)
				first := s.profiles[0]
				first.Fallback = []string{"spare"}
				s.house.swap(first, spare.profile())
			}
			readAll(t, s, list, arrived)
		})
	}
}

// readAll reads the events one by one and lets the upstream know of each.
func readAll(t *testing.T, s *stage, list []string, arrived chan<- struct{}) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.house.url+"/v1/messages", strings.NewReader(streamBody))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.house.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	br := bufio.NewReader(resp.Body)
	for i, want := range list {
		got := make([]byte, len(want))
		if _, err := io.ReadFull(br, got); err != nil || string(got) != want {
			t.Fatalf("event %d: %v: %q, want %q", i, err, got, want)
		}
		if i > 0 {
			arrived <- struct{}{}
		}
	}
	if rest, err := io.ReadAll(br); err != nil || len(rest) != 0 {
		t.Errorf("after the last event: %q, %v", rest, err)
	}
	rows := s.house.rows(1)
	if rows[0].Outcome != "ok" || rows[0].Usage.Output != 9 {
		t.Errorf("row: %s, usage %+v", rows[0].Outcome, rows[0].Usage)
	}
}
