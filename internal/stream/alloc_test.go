package stream

import (
	"testing"
	"unsafe"
)

func TestMeterOfAnIdleStreamIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Meter{}); size > 1024 {
		t.Errorf("a Meter has %d bytes", size)
	}
	var m Meter
	m.Reset(KindSSE)
	_, _ = m.Write([]byte(plain()))
	if cap(m.buf) > 0 {
		t.Errorf("a buffer of %d bytes for events that came whole", cap(m.buf))
	}
}

func TestContentEventsDoNotAllocate(t *testing.T) {
	var m Meter
	m.Reset(KindSSE)
	event := []byte(textDelta("Hello, world") + blockStop + ping)
	n := testing.AllocsPerRun(100, func() {
		_, _ = m.Write(event)
		_, _ = m.Write(event[:40])
		_, _ = m.Write(event[40:])
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
