package main

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progressPause is how long work may take before anybody wants to know how far it is.
const progressPause = 300 * time.Millisecond

// progress shows on stderr how far long work has come, and is gone when the work ends. It
// shows nothing where stderr is not a terminal, and nothing for work that is done at once.
// It is for one goroutine.
type progress struct {
	a       *app
	what    string
	total   int64 // -1 = not known
	bytes   bool
	began   time.Time
	counted int64
	bar     *progressbar.ProgressBar // nil = not shown yet, or never
}

// progress begins to show work of total steps, -1 if their number is not known. The caller
// ends it with done.
func (a *app) progress(what string, total int64) *progress {
	return &progress{a: a, what: what, total: total, began: time.Now()}
}

// progressBytes is progress for work that is measured in bytes.
func (a *app) progressBytes(what string, total int64) *progress {
	p := a.progress(what, total)
	p.bytes = true
	return p
}

// add notes n more steps.
func (p *progress) add(n int64) { p.set(p.counted + n) }

// set notes that so many steps are done.
func (p *progress) set(n int64) {
	p.counted = n
	if !p.shown() {
		return
	}
	if p.bar == nil {
		p.bar = p.newBar()
	}
	_ = p.bar.Set64(n) // it says no more than that the bar is full
}

// done takes the bar off the screen.
func (p *progress) done() {
	if p.bar != nil {
		fmt.Fprint(p.a.err, "\r\x1b[2K") // the bar does not clear itself once it is full
		p.bar = nil
	}
}

func (p *progress) shown() bool {
	return p.a.errTTY && p.a.getenv("TERM") != "dumb" && (p.bar != nil || time.Since(p.began) >= progressPause)
}

func (p *progress) newBar() *progressbar.ProgressBar {
	return progressbar.NewOptions64(p.total,
		progressbar.OptionSetWriter(p.a.err),
		progressbar.OptionSetDescription(p.what),
		progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionShowCount(),
		progressbar.OptionShowBytes(p.bytes),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSpinnerType(14),
		progressbar.OptionSetTheme(progressbar.ThemeASCII),
	)
}
