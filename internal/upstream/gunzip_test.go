package upstream

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"prism/internal/translate/openai"
)

// squeezed compresses texts and returns a piece for each, flushed; the last one holds the end as well.
func squeezed(t *testing.T, texts ...string) []piece {
	t.Helper()
	var b bytes.Buffer
	var pieces []piece
	z := gzip.NewWriter(&b)
	for i, text := range texts {
		if _, err := io.WriteString(z, text); err != nil {
			t.Fatal(err)
		}
		end := z.Flush
		if i == len(texts)-1 {
			end = z.Close
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, piece{time.Minute, b.String()})
		b.Reset()
	}
	pieces[0].after = 0
	return pieces
}

func laidOpen(src io.ReadCloser) *gunzipped {
	return &gunzipped{src: src, buf: bufio.NewReader(src)}
}

// TestWhatIsCompressedComesAsItIsSent: nothing waits for what comes after it, and silence can be heard.
func TestWhatIsCompressedComesAsItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := replyTo(openai.Chat{}, laidOpen(slowly(squeezed(t, chatText, chatText, chatFinish+chatUsage)...)), true)
		start := time.Now()
		var at []time.Duration
		for buf := make([]byte, 64<<10); ; {
			for !r.Await(15 * time.Second) {
				if since := time.Since(start) % time.Minute; since == 0 {
					t.Fatal("something is there and was not seen")
				}
			}
			n, err := r.Read(buf)
			if strings.Contains(string(buf[:n]), "hello") {
				at = append(at, time.Since(start))
			}
			if err != nil {
				break
			}
		}
		if len(at) != 2 || at[0] != 0 || at[1] != time.Minute {
			t.Errorf("texts came after %v", at)
		}
	})
}

func TestWhatIsCompressedAndCutIsNotWhole(t *testing.T) {
	whole := squeezed(t, strings.Repeat("text ", 1000))[0].text
	for cut := range len(whole) {
		_, err := io.ReadAll(laidOpen(io.NopCloser(strings.NewReader(whole[:cut]))))
		if ue, ok := errors.AsType[*Error](err); cut > 0 && (!ok || ue.Kind != KindEOF) {
			t.Fatalf("after %d of %d bytes: %v", cut, len(whole), err)
		}
	}
	_, err := io.ReadAll(laidOpen(io.NopCloser(strings.NewReader("no gzip at all"))))
	if ue, ok := errors.AsType[*Error](err); !ok || ue.Kind != KindProtocol {
		t.Errorf("what is none: %v", err)
	}
}
