package main

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/rs/zerolog"

	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/ledger"
)

// appendRecords writes records to the journal and folds them: through the gateway if it runs,
// which alone may write then, else under the lock of the state directory. It returns how many
// were written, also when it fails; what is written stays. Without any record nothing is
// touched.
func (a *app) appendRecords(ctx context.Context, r room, records iter.Seq2[ledger.Appendable, error]) (int, error) {
	next, stop := iter.Pull2(records)
	defer stop()
	first, err, ok := next()
	if !ok || err != nil {
		return 0, err
	}
	all := func(yield func(ledger.Appendable, error) bool) {
		for v, err, ok := first, error(nil), true; ok && yield(v, err) && err == nil; {
			v, err, ok = next()
		}
	}
	var n int
	switch _, err = r.client.Status(ctx); {
	case errors.Is(err, admin.ErrNotRunning):
		n, err = a.appendHere(ctx, r, all)
	case err == nil:
		n, err = appendThere(ctx, r, all)
	}
	if n == 0 {
		return n, err
	}
	if res, foldErr := a.fold(ctx, r); foldErr != nil {
		a.note("note: the records are in the journal, but not in the database yet: %v", foldErr)
	} else if res.Holder != "" {
		a.note("note: the records are in the journal; the database is held by %s", res.Holder)
	}
	return n, err
}

// appendThere streams the records to the gateway.
func appendThere(ctx context.Context, r room, records iter.Seq2[ledger.Appendable, error]) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in, out := io.Pipe()
	type sent struct {
		res admin.AppendResult
		err error
	}
	done := make(chan sent, 1)
	go func() {
		res, err := r.client.Append(ctx, in)
		// Whoever writes must not wait for a reader that has left.
		_ = in.CloseWithError(errors.Join(err, io.ErrClosedPipe))
		done <- sent{res, err}
	}()
	err := sendAll(out, records)
	_ = out.CloseWithError(err)
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		cancel()
	}
	s := <-done
	if errors.Is(err, io.ErrClosedPipe) || err == nil {
		err = s.err
	}
	return s.res.Entries + s.res.Corrections, err
}

func sendAll(out io.Writer, records iter.Seq2[ledger.Appendable, error]) error {
	const batch = 64 << 10
	buf := make([]byte, 0, 2*batch)
	for v, err := range records {
		if err != nil {
			return err
		}
		if buf, err = admin.AppendLine(buf, v); err != nil {
			return err
		}
		if len(buf) < batch {
			continue
		}
		if _, err := out.Write(buf); err != nil {
			return err
		}
		buf = buf[:0]
	}
	_, err := out.Write(buf)
	return err
}

// appendHere opens the journal as the gateway would: what an earlier run left open is closed.
func (a *app) appendHere(ctx context.Context, r room, records iter.Seq2[ledger.Appendable, error]) (n int, err error) {
	if err := daemon.PrepareDirs(r.paths); err != nil {
		return 0, err
	}
	lock, err := daemon.TakeLock(r.paths.Lock)
	if err != nil {
		return 0, lockError(err)
	}
	defer lock.Close()
	journal, found, err := ledger.OpenJournal(ledger.JournalOptions{
		Dir: r.paths.Journal, Archive: r.paths.Archive, Durability: r.settings.Durability, Logger: zerolog.Nop(), Now: a.now, Reserve: -1,
	})
	if err != nil {
		return 0, err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTimeout)
		defer cancel()
		err = errors.Join(err, journal.Shutdown(stop))
	}()
	if len(found.Open) > 0 {
		prices, err := a.pricer(ctx, r)
		if err != nil {
			return 0, err
		}
		if _, err := daemon.CloseCrashed(journal, found, prices.price); err != nil {
			return 0, err
		}
	}
	for v, err := range records {
		if err == nil {
			err = appendTo(journal, v)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func appendTo(j *ledger.Journal, v ledger.Appendable) error {
	if why := j.State().Degraded; why != "" {
		return &admin.Error{Code: codeInternal, Message: "nothing more can be added: " + why, Fix: "make room on the disk, then run the command again"}
	}
	switch v := v.(type) {
	case *ledger.Entry:
		if err := admin.CheckImported(v); err != nil {
			return err
		}
		return j.Close(v)
	case *ledger.Correction:
		return j.Correct(v)
	}
	_, err := admin.AppendLine(nil, v)
	return err
}

func lockError(err error) error {
	if errors.Is(err, daemon.ErrRunning) {
		return &admin.Error{Code: codeBusy, Message: "another prism works in the state directory", Fix: "prism status, or try again"}
	}
	return err
}
