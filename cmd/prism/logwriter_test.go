package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"prism/config"
	"prism/internal/tray"
)

func TestALogThatNobodyReadsHoldsUpNobodyAndTellsWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lines = 3 * logQueue
		in, out := io.Pipe()
		w := newLogWriter(out, time.Now)
		for i := range lines {
			if n, err := fmt.Fprintf(w, "{\"n\":%d}\n", i); err != nil || n == 0 {
				t.Fatalf("line %d: %d, %v", i, n, err)
			}
			synctest.Wait()
		}
		seen, dropped, last := 0, int64(0), -1
		read := make(chan struct{})
		go func() {
			defer close(read)
			for sc := bufio.NewScanner(in); sc.Scan(); {
				var line struct {
					N       *int
					Dropped int64
					Message string
				}
				if err := json.Unmarshal(sc.Bytes(), &line); err != nil {
					t.Errorf("%s: %v", sc.Bytes(), err)
				}
				if line.N == nil {
					dropped += line.Dropped
					if line.Message != "log lines dropped" {
						t.Errorf("line %s", sc.Bytes())
					}
					continue
				}
				if *line.N <= last {
					t.Errorf("line %d after %d", *line.N, last)
				}
				last = *line.N
				seen++
			}
		}()
		w.close()
		_ = out.Close()
		<-read
		if seen < logQueue || dropped == 0 || int64(seen)+dropped != lines {
			t.Errorf("%d lines seen, %d said to be dropped, of %d", seen, dropped, lines)
		}
	})
}

func TestTheEndOfALogThatNobodyReadsIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, out := io.Pipe()
		w := newLogWriter(out, time.Now)
		fmt.Fprintln(w, "first")
		synctest.Wait()
		began := time.Now()
		w.close()
		if took := time.Since(began); took != logFlush {
			t.Errorf("it was waited for %v, want %v", took, logFlush)
		}
		_ = in.Close()
	})
}

// failing is an output that fails a number of times.
type failing struct {
	bytes.Buffer
	times int
}

func (f *failing) Write(p []byte) (int, error) {
	if f.times > 0 {
		f.times--
		return 0, errors.New("no space left on device")
	}
	return f.Buffer.Write(p)
}

func TestLinesThatCannotBeWrittenAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &failing{times: 1}
		w := newLogWriter(out, time.Now)
		for _, line := range []string{"one", "two", "three"} {
			fmt.Fprintln(w, line)
			synctest.Wait()
		}
		w.close()
		got := out.String()
		if strings.Contains(got, "one") || !strings.Contains(got, `"dropped":1,`) || !strings.HasSuffix(got, "two\nthree\n") {
			t.Errorf("written:\n%s", got)
		}
	})
}

func TestTheLogOfAServiceHoldsNothingThatATerminalActsUpon(t *testing.T) {
	const hostile = "a\u202eb\u009b2Jc\x1b[2Jd\U000e0041e\u2066f 中文"
	var out bytes.Buffer
	a := &app{err: &out, getenv: func(string) string { return "" }}
	log := logger(a.logOutput(config.DefaultSettings()), config.DefaultSettings())
	log.Info().Str("model", hostile).Msg("request finished")
	if strings.ContainsFunc(strings.TrimSuffix(out.String(), "\n"), tray.Hostile) || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("the log has %q", out.String())
	}
	var line struct{ Model string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Model != hostile {
		t.Errorf("%q, %v", line.Model, err)
	}
}
