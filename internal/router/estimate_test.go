package router_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"prism/internal/router"
)

// within tells whether got is at most share of want away from it.
func within(got, want int64, share float64) bool {
	d := float64(got - want)
	return d <= share*float64(want) && d >= -share*float64(want)
}

func TestAPromptIsEstimatedFromItsBytes(t *testing.T) {
	prose := strings.Repeat("The client sends the whole conversation again with every turn. ", 400)
	image := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0x89, 'P', 'N', 'G', 7, 200, 31}, 100_000))
	pdf := base64.StdEncoding.EncodeToString(append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte{9, 80, 171, 3}, 100_000)...))
	escaped, err := json.Marshal(`{"type":"base64","data":"` + strings.Repeat("word ", 2000) + `"}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, body string
		want       int64
	}{
		{"nothing", "", 0},
		{"least", "{}", 1},
		{"prose", `{"messages":[{"role":"user","content":"` + prose + `"}]}`, int64(len(prose)) * 10 / 36},
		{"an image", `{"source":{"type":"base64","media_type":"image/png","data":"` + image + `"}}`, 1500},
		{"three images, spaced", strings.Repeat(`{"data" : "`+image+`","type":"base64"}`, 3), 4500},
		{"a document", `{"data":"` + pdf + `","type":"base64"}`, int64(len(pdf)) / 40},
		{"an image beside prose", `{"data":"` + image + `"},{"text":"` + prose + `"}`, 1500 + int64(len(prose))*10/36},
		{"a tool's answer that shows JSON", string(escaped), int64(len(escaped)) * 10 / 36},
		{"small data", `{"data":"` + strings.Repeat("a", 900) + `"}`, 252},
		{"a list of words", `["data","data", "data"]`, 6},
		{"cut off", `{"data":"` + image, int64(len(image)) * 10 / 36},
	} {
		if got := router.PromptTokens([]byte(c.body)); !within(got, c.want, 0.05) {
			t.Errorf("%s: %d tokens, want about %d", c.name, got, c.want)
		}
	}
}

// FuzzPromptTokens: no panic, never less than one token for something, never more than a token
// for each byte and the flat price of an image for each kilobyte.
func FuzzPromptTokens(f *testing.F) {
	f.Add([]byte(`{"data":"aGk=","x":"data"}`))
	f.Add([]byte(`"data" : "` + strings.Repeat("JVBERi0x", 200) + `"`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got := router.PromptTokens(body)
		if len(body) > 0 && got < 1 || len(body) == 0 && got != 0 || got > int64(len(body))+int64(len(body))/1024*1500 {
			t.Errorf("%d tokens in %d bytes", got, len(body))
		}
	})
}

func BenchmarkPromptTokens(b *testing.B) {
	body := []byte(`{"messages":[` + strings.Repeat(`{"role":"user","content":[{"type":"text","text":"some words of a turn"}]},`, 14_000) + `]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		router.PromptTokens(body)
	}
}
