package proxy_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/simulator"
	"prism/internal/stream"
	"prism/internal/upstream"
)

const comment = ": keepalive\n\n"

// keptAlive is a profile whose clients are kept waiting.
func keptAlive(url string) []config.Profile {
	p := profile("work", url)
	p.Keepalive = true
	return []config.Profile{p}
}

var patient = upstream.Timeouts{Dial: 5 * time.Second, FirstByte: 10 * time.Second, Idle: 10 * time.Second, IdleConn: 55 * time.Second}

func TestAClientIsKeptWaitingBetweenTwoEvents(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := simulator.New(simulator.Options{Key: testKey})
		up := s.Start()
		profiles := keptAlive(up.URL)
		if secure {
			up.Close()
			up = s.StartTLS(simulator.Certificate{})
			profiles = keptAlive(up.URL)
			profiles[0].CAFile = filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(profiles[0].CAFile, up.CA, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		// Silence before the first event, between two, and before the end.
		s.Script(simulator.Always(simulator.Reply(
			simulator.Thinking("hm", ""), simulator.Text("hello"), simulator.Usage{Input: 10, Output: 7},
			simulator.Pause(1, 300*time.Millisecond), simulator.Pause(4, 300*time.Millisecond), simulator.Pause(9, 200*time.Millisecond),
		)))
		r := newRig(t, rigOptions{profiles: profiles, timeouts: patient, limits: proxy.Limits{Keepalive: 20 * time.Millisecond, Hold: 30 * time.Millisecond}})
		got := r.post(streamBody)
		if got.status != 200 || got.err != nil {
			t.Fatalf("%d %s %v", got.status, got.body, got.err)
		}
		b := s.Bill()[0]
		if n := bytes.Count(got.body, []byte(comment)); n < 3 {
			t.Errorf("%d comments in %q", n, got.body)
		}
		if plain := bytes.ReplaceAll(got.body, []byte(comment), nil); !bytes.Equal(plain, b.ResponseBody) {
			t.Errorf("without the comments the client got %q, the provider sent %q", plain, b.ResponseBody)
		}
		for frame := range strings.SplitSeq(strings.TrimSuffix(string(got.body), "\n\n"), "\n\n") {
			if strings.Contains(frame, "keepalive") && frame != ": keepalive" {
				t.Errorf("a comment inside of an event: %q", frame)
			}
		}
		e := r.Journal.wait(t, 1)[0]
		if e.Outcome != ledger.OutcomeOK || e.ResponseBytes != stream.Count(len(b.ResponseBody)) || e.Usage.Output != 7 || e.LongestGapMS < 200 {
			t.Errorf("entry %+v, the provider sent %d bytes", e, len(b.ResponseBody))
		}
		up.Close()
	}
}

func TestNobodyIsKeptWaitingUnasked(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(simulator.Reply(simulator.Text("hello"), simulator.Pause(2, 150*time.Millisecond))))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, limits: proxy.Limits{Keepalive: 10 * time.Millisecond, Hold: 20 * time.Millisecond}})
	if got := r.post(streamBody); bytes.Contains(got.body, []byte("keepalive")) || !bytes.Equal(got.body, s.Bill()[0].ResponseBody) {
		t.Errorf("the client got %q", got.body)
	}
}

// slow serves one connection with what play writes after the request was read.
func slow(t *testing.T, play func(net.Conn)) string {
	t.Helper()
	up := simulator.RawListen(func(c net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		play(c)
	})
	t.Cleanup(up.Close)
	return up.URL
}

// chunk is s as one chunk of a body.
func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

const (
	head  = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"x\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n"
	block = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
	end   = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
)

func TestNoCommentStandsInsideAnEvent(t *testing.T) {
	half := "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
	url := slow(t, func(c net.Conn) {
		_, _ = io.WriteString(c, head+chunk(start+block+half))
		time.Sleep(150 * time.Millisecond)
		_, _ = io.WriteString(c, chunk("\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n"))
		time.Sleep(150 * time.Millisecond)
		_, _ = io.WriteString(c, chunk("\n"))
		time.Sleep(150 * time.Millisecond)
		_, _ = io.WriteString(c, chunk(end)+"0\r\n\r\n")
	})
	r := newRig(t, rigOptions{profiles: keptAlive(url), timeouts: patient, limits: proxy.Limits{Keepalive: 10 * time.Millisecond}})
	got := r.post(streamBody)
	inside, after, _ := strings.Cut(string(got.body), "\"text\":\"x\"}}\n\n")
	if strings.Contains(inside, "keepalive") || !strings.HasPrefix(after, comment) || got.err != nil {
		t.Errorf("the client got %q, %v", got.body, got.err)
	}
}

func TestACommentComesAlsoWhereTheEndOfTheChunkIsLate(t *testing.T) {
	url := slow(t, func(c net.Conn) {
		whole := chunk(start + block)
		_, _ = io.WriteString(c, head+strings.TrimSuffix(whole, "\r\n"))
		time.Sleep(60 * time.Millisecond)
		_, _ = io.WriteString(c, "\r\n")
		time.Sleep(300 * time.Millisecond)
		_, _ = io.WriteString(c, chunk(end)+"0\r\n\r\n")
	})
	r := newRig(t, rigOptions{profiles: keptAlive(url), timeouts: patient, limits: proxy.Limits{Keepalive: 100 * time.Millisecond}})
	got := r.post(streamBody)
	if !strings.Contains(string(got.body), comment) || got.err != nil {
		t.Errorf("the client got %q, %v", got.body, got.err)
	}
}

func TestADeadUpstreamIsNotHiddenForEver(t *testing.T) {
	release := make(chan struct{})
	url := slow(t, func(c net.Conn) {
		_, _ = io.WriteString(c, head+chunk(start+block))
		<-release
	})
	defer close(release)
	profiles := keptAlive(url)
	profiles[0].Timeouts.Idle = 300 * time.Millisecond
	r := newRig(t, rigOptions{profiles: profiles, timeouts: patient, limits: proxy.Limits{Keepalive: 80 * time.Millisecond}})
	began := time.Now()
	got := r.post(streamBody)
	took := time.Since(began)
	if got.err == nil || !strings.Contains(string(got.body), comment) || !strings.Contains(string(got.body), "event: error\n") || !strings.Contains(string(got.body), "went silent") {
		t.Errorf("the client got %q, %v", got.body, got.err)
	}
	if took < 290*time.Millisecond || took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := strings.Count(string(got.body), comment); n > 3 {
		t.Errorf("%d comments within 300 ms, one each 80", n)
	}
	e := r.Journal.wait(t, 1)[0]
	if e.Outcome != ledger.OutcomeTruncated || e.ErrorType != "timeout" {
		t.Errorf("entry %s %s", e.Outcome, e.ErrorType)
	}
}

func TestAnUpstreamThatBreaksOffWhileTheClientWaitsIsToldAtOnce(t *testing.T) {
	url := slow(t, func(c net.Conn) {
		_, _ = io.WriteString(c, head+chunk(start+block))
		time.Sleep(100 * time.Millisecond)
	})
	r := newRig(t, rigOptions{profiles: keptAlive(url), timeouts: patient, limits: proxy.Limits{Keepalive: 20 * time.Millisecond}})
	began := time.Now()
	got := r.post(streamBody)
	if got.err == nil || !strings.Contains(string(got.body), "event: error\n") || time.Since(began) > 5*time.Second {
		t.Errorf("after %v the client got %q, %v", time.Since(began), got.body, got.err)
	}
}

func TestAClientThatLeavesWhileItIsKeptWaitingEndsTheUpstream(t *testing.T) {
	gone := make(chan struct{})
	url := slow(t, func(c net.Conn) {
		_, _ = io.WriteString(c, head+chunk(start+block))
		_, _ = io.Copy(io.Discard, c) // until prism closes it
		close(gone)
	})
	r := newRig(t, rigOptions{profiles: keptAlive(url), timeouts: patient, limits: proxy.Limits{Keepalive: 20 * time.Millisecond}})
	req, err := http.NewRequest(http.MethodPost, r.URL+"/v1/messages", strings.NewReader(streamBody))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, len(start+block)+2*len(comment))); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Fatal("the upstream is still connected")
	}
	if e := r.Journal.wait(t, 1)[0]; e.Outcome != ledger.OutcomeClientAbort {
		t.Errorf("outcome %s", e.Outcome)
	}
}
