package spend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
	"time"

	"prism/internal/ledger"
)

// errCorrected ends a reading that met costs of rows that it has counted already.
var errCorrected = errors.New("costs were corrected")

// settle is how long a reading waits for what else makes one necessary.
const settle = time.Second

// slack is how long after its record an exchange may be counted at the latest.
const slack = time.Minute

// current returns the sums of everything that the journal has: from the file where that can be
// used, else from the beginning of the periods.
func current(opt *Options) (*sheet, error) {
	for {
		s, err := at(opt, opt.Now())
		if err != nil || s.holds(opt.Now()) {
			return s, err
		}
		// A period ended meanwhile: what was read of the next one is in no sum.
	}
}

func at(opt *Options, now time.Time) (*sheet, error) {
	s, ok := load(opt.File, opt.Watched, now)
	if ok {
		err := s.catchUp(opt.Source)
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, errCorrected) {
			return nil, err
		}
	}
	r := rebuild{source: opt.Source, watched: opt.Watched, now: now}
	return r.run()
}

// catchUp reads what is behind the watermark.
func (s *sheet) catchUp(source ledger.Source) error {
	var e ledger.Entry
	mark, err := source.Read(s.mark, func(r *ledger.Record) error {
		if r.Kind == ledger.KindCorrection {
			return errCorrected
		}
		return s.record(r, &e, nil)
	})
	if errors.Is(err, errCorrected) {
		return err
	}
	if err != nil {
		return fmt.Errorf("sum up the journal: %w", err)
	}
	s.mark = mark
	return nil
}

// costs are what replaces the costs of a row.
type costs struct{ paid, list, uncached ledger.Money }

// record takes what one record says, with e as room for its entry.
func (s *sheet) record(r *ledger.Record, e *ledger.Entry, corrected map[string]costs) error {
	switch r.Kind {
	case ledger.KindClose:
		if err := r.Entry(e); err != nil {
			return nil //nolint:nilerr // the fold reports it; what cannot be read was never counted
		}
		f, counts := factOf(e)
		if !counts {
			return nil
		}
		if c, ok := corrected[f.id]; ok {
			f.cost(c.paid, c.list, c.uncached)
		}
		s.add(&f)
	case ledger.KindAlert:
		if ev, err := r.Alert(); err == nil {
			s.note(ev)
		}
	case ledger.KindSegment, ledger.KindOpen, ledger.KindUsage, ledger.KindVoid, ledger.KindConfig, ledger.KindHealth, ledger.KindCorrection: // cost nothing
	}
	return nil
}

// rebuild reads everything that the periods under way reach back to.
type rebuild struct {
	source  ledger.Source
	watched []Scope
	now     time.Time

	fresh time.Time           // what was recorded from here on may have been counted elsewhere too
	seen  map[string]struct{} // ids of that
}

// run reads until a reading meets no correction that it did not know from the one before: a
// correction stands behind the row that it corrects, and the journal may grow meanwhile.
func (b *rebuild) run() (*sheet, error) {
	corrected := make(map[string]costs)
	for {
		known := maps.Clone(corrected)
		s, err := b.read(corrected)
		if err != nil {
			return nil, fmt.Errorf("sum up the journal: %w", err)
		}
		if maps.Equal(known, corrected) {
			return s, nil
		}
	}
}

// read sums up, with the costs that are known to be corrected, and notes further ones.
func (b *rebuild) read(corrected map[string]costs) (*sheet, error) {
	s := newSheet(b.watched, b.now)
	from, err := b.first(s.horizon(b.now))
	if err != nil {
		return nil, err
	}
	var e ledger.Entry
	b.seen = make(map[string]struct{})
	s.mark, err = b.source.Read(from, func(r *ledger.Record) error {
		switch {
		case r.Kind == ledger.KindClose && !b.fresh.IsZero() && r.Wall.After(b.fresh):
			b.seen[r.RequestID] = struct{}{}
		case r.Kind == ledger.KindCorrection:
			if c, err := r.Correction(); err == nil {
				corrected[c.RequestID] = costs{c.Cost, c.CostList, c.CostUncached}
			}
		}
		return s.record(r, &e, corrected)
	})
	return s, err
}

// first returns the beginning of the segment in which records from t on can stand. The name of
// a segment tells when it was begun; the one before t may reach beyond it.
func (b *rebuild) first(t time.Time) (ledger.Watermark, error) {
	const stamp = 10 // characters of a ULID that are its time
	limit := ledger.NewID(t)[:stamp]
	var mark ledger.Watermark
	for dir, ext := range map[string]string{b.source.Journal: ".jsonl", b.source.Archive: ".jsonl.zst"} {
		if dir == "" {
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return mark, err
		}
		for _, entry := range entries {
			name, ok := strings.CutSuffix(entry.Name(), ext)
			if ok && len(name) > stamp && name[:stamp] <= limit && name > mark.Segment {
				mark.Segment = name
			}
		}
	}
	return mark, nil
}

// Run keeps the file near the journal, and reads everything again where that is needed, until
// ctx ends.
func (t *Tally) Run(ctx context.Context, failed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		}
		select { // corrections come by the thousand
		case <-ctx.Done():
			return
		case <-time.After(settle):
		}
		if err := t.tend(); err != nil {
			failed(err)
		}
	}
}

// tend does what was asked for by [Tally.kick].
func (t *Tally) tend() error {
	t.mu.Lock()
	stale, due := t.stale, t.added >= saveEvery
	t.stale = false
	t.mu.Unlock()
	switch {
	case stale:
		return t.reread()
	case due:
		return t.Save()
	}
	return nil
}

// Save brings the file up to the journal's end. It is read again for that, since what is in
// memory belongs to no one place of the journal.
func (t *Tally) Save() error {
	t.keeping.Lock()
	defer t.keeping.Unlock()
	t.mu.Lock()
	t.added = 0
	t.mu.Unlock()
	s, err := current(&t.opt)
	if err != nil {
		return err
	}
	return s.save(t.opt.File, t.opt.Now())
}

// reread makes the sums anew. Exchanges that end meanwhile are counted in the old ones, and in
// the new ones if the reading was past them.
func (t *Tally) reread() error {
	t.keeping.Lock()
	defer t.keeping.Unlock()
	now := t.opt.Now()
	t.mu.Lock()
	t.pending = make(map[string]fact)
	t.mu.Unlock()
	r := rebuild{source: t.opt.Source, watched: t.opt.Watched, now: now, fresh: now.Add(-slack)}
	s, err := r.run()
	if err == nil {
		err = s.save(t.opt.File, now)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	late := t.pending
	t.pending = nil
	if s == nil {
		return err
	}
	end := t.opt.Now()
	if !s.holds(end) {
		t.stale = true // what was read of the next period is in no sum
		t.kick()
	}
	s.roll(end)
	for id, f := range late {
		if _, ok := r.seen[id]; !ok {
			s.add(&f)
		}
	}
	s.keep(t.sheet)
	t.sheet, t.added = s, 0
	t.measure(end)
	return err
}

// keep takes over what was said and is perhaps not in the journal yet.
func (s *sheet) keep(old *sheet) {
	for key, f := range old.firings {
		if now := s.firings[key]; !now.start.After(f.start) {
			s.firings[key] = f
		}
	}
	for name, ev := range old.alerts {
		if now := s.alerts[name]; now.EventAt.Before(ev.EventAt) {
			s.alerts[name] = ev
		}
	}
}
