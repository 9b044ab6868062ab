package main

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// Bounds of the log.
const (
	logQueue = 1024        // lines that may wait to be written
	logFlush = time.Second // what may take longer at the end is lost
)

// logWriter writes log lines in a goroutine of its own: a pipe that nobody reads, a terminal
// that was stopped and a full disk hold up no request. A line that finds the queue full, or
// cannot be written, is dropped and counted; the next one that goes out says how many are
// missing.
type logWriter struct {
	out     io.Writer
	now     func() time.Time
	lines   chan []byte
	closing chan struct{}
	done    chan struct{}
	dropped atomic.Int64
}

// newLogWriter starts the goroutine; close ends it.
func newLogWriter(out io.Writer, now func() time.Time) *logWriter {
	w := &logWriter{out: out, now: now, lines: make(chan []byte, logQueue), closing: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

// Write implements io.Writer. It never waits and never fails.
func (w *logWriter) Write(line []byte) (int, error) {
	select {
	case w.lines <- bytes.Clone(line):
	default:
		w.dropped.Add(1)
	}
	return len(line), nil
}

// jsonLog writes lines of JSON of which a terminal shows every character and acts upon none: journalctl
// and tail put them on one. Who reads the JSON gets the text as it was.
type jsonLog struct{ out io.Writer }

// Write implements io.Writer.
func (w jsonLog) Write(line []byte) (int, error) {
	if _, err := io.WriteString(w.out, escape(string(line), true)); err != nil {
		return 0, err
	}
	return len(line), nil
}

func (w *logWriter) run() {
	defer close(w.done)
	for {
		select {
		case line := <-w.lines:
			w.put(line)
			continue
		case <-w.closing:
		}
		for {
			select {
			case line := <-w.lines:
				w.put(line)
			default:
				w.tellDropped()
				return
			}
		}
	}
}

func (w *logWriter) put(line []byte) {
	w.tellDropped()
	if _, err := w.out.Write(line); err != nil {
		w.dropped.Add(1)
	}
}

func (w *logWriter) tellDropped() {
	n := w.dropped.Swap(0)
	if n == 0 {
		return
	}
	var b bytes.Buffer
	l := zerolog.New(&b)
	l.Warn().Int64("dropped", n).Time(zerolog.TimestampFieldName, w.now()).Msg("log lines dropped")
	if _, err := w.out.Write(b.Bytes()); err != nil {
		w.dropped.Add(n)
	}
}

// close writes what waits, as far as that is possible at once.
func (w *logWriter) close() {
	close(w.closing)
	late := time.NewTimer(logFlush)
	defer late.Stop()
	select {
	case <-w.done:
	case <-late.C:
	}
}
