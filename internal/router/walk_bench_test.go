package router_test

import (
	"net/http"
	"testing"
	"time"

	"prism/internal/router"
)

// healthyHead is what an answer of a provider in good health carries.
func healthyHead() http.Header {
	h := http.Header{"Content-Type": {"text/event-stream"}, "Request-Id": {"req_1"}}
	for _, l := range []string{"Requests", "Tokens", "Input-Tokens", "Output-Tokens"} {
		h["Anthropic-Ratelimit-"+l+"-Limit"] = []string{"4000000"}
		h["Anthropic-Ratelimit-"+l+"-Remaining"] = []string{"3994000"}
		h["Anthropic-Ratelimit-"+l+"-Reset"] = []string{"2026-11-26T10:00:00Z"}
	}
	return h
}

// BenchmarkWalk is what the choice of an upstream costs a request that is answered at once.
func BenchmarkWalk(b *testing.B) {
	r := router.New(router.Options{})
	defer r.Close()
	p := three()
	p.Profiles[0].Fallback = []string{"kimi", "local"}
	table, err := r.Compile(router.Source{Profiles: p})
	if err != nil {
		b.Fatal(err)
	}
	r.Swap(table)
	plan, err := table.Select(&router.Query{Model: "claude-opus-5-5", Path: "/v1/messages"})
	if err != nil {
		b.Fatal(err)
	}
	walk := func(b *testing.B, head http.Header) {
		b.ReportAllocs()
		now := time.Now() // the caller has it anyway
		for b.Loop() {
			w := r.Walk(plan, "3b0c5d5e-8f6f-4a7e-9b43-5d3c2a1f0e9d")
			if _, ok := w.Next(now); !ok {
				b.Fatal("nobody to ask")
			}
			if head != nil {
				w.Head(now, http.StatusOK, head)
				w.Served(now)
			}
			w.End(now, router.Result{OK: true})
		}
	}
	b.Run("walk", func(b *testing.B) { walk(b, nil) })
	b.Run("walk and head", func(b *testing.B) { walk(b, healthyHead()) })
}
