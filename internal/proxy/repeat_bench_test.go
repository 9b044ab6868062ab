package proxy

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"testing"
)

// BenchmarkConversation is what it costs to know a conversation again.
func BenchmarkConversation(b *testing.B) {
	r := &repeats{seed: maphash.MakeSeed()}
	for _, size := range []int{2 << 10, 100 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("body=%dKB", size>>10), func(b *testing.B) {
			messages := bytes.Repeat([]byte("line of code\n"), size/13)
			b.ReportAllocs()
			for b.Loop() {
				r.key("0b8f2c1e-7d0a-4c55-9f37-2a52a6f1d3c4", "", messages)
			}
		})
	}
}
