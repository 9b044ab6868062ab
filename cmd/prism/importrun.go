package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/attribution"
	"prism/internal/daemon"
	"prism/internal/importer"
	"prism/internal/ledger"
)

// entrySource is a place that entries are imported from.
type entrySource interface {
	// Each calls fn with every entry; fn may keep it.
	Each(ctx context.Context, fn func(*ledger.Entry) error) error
	// Size is how many bytes there are to read, -1 = unknown.
	Size() int64
	// Counts says what was read so far, and what was left out.
	Counts() *importer.Tally
}

// importRun is one import.
type importRun struct {
	a      *app
	r      room
	prices pricer
	opt    importer.Options
	zone   *time.Location
	dryRun bool
	bar    *progress // nil until the reading begins
	read   int64

	added importSum
	known *knownEntries
}

func (a *app) importRun(cmd *cobra.Command, o *importOptions) (*importRun, error) {
	r, err := a.room(cmd)
	if err != nil {
		return nil, err
	}
	run := &importRun{a: a, r: r, dryRun: o.dryRun}
	if run.prices, err = a.pricer(cmd.Context(), r); err != nil {
		return nil, err
	}
	if run.zone, err = time.LoadLocation(a.zone()); err != nil {
		run.zone = time.UTC
	}
	if err := run.options(o); err != nil {
		return nil, err
	}
	return run, nil
}

// options turns flags into what the importer wants to know.
func (run *importRun) options(o *importOptions) error {
	a := run.a
	run.opt = importer.Options{
		HostName: o.host, Version: thisBuild().Version, Profile: o.profile, Provider: o.provider, ProviderOf: run.prices.providerOf(),
		Places: run.r.settings.Attribution, ProjectOf: projects(), Now: a.now, Progress: run.progress,
	}
	if o.profile != "" {
		p := run.prices.profile(o.profile)
		switch {
		case p == nil && run.prices.problem != nil:
			return run.prices.problem
		case p == nil:
			return noProfile(o.profile)
		}
		if o.provider == "" {
			run.opt.Provider = p.Provider
		}
	}
	if o.host == "" {
		run.opt.HostName, _ = os.Hostname() // a row without a machine is still a row
	}
	var err error
	if o.since != "" {
		if run.opt.Since, err = a.since(o.since); err != nil {
			return err
		}
	}
	if o.until != "" {
		if run.opt.Until, err = a.since(o.until); err != nil {
			return err
		}
	}
	return nil
}

// maxProjects is how many directories are remembered.
const maxProjects = 4096

// projects returns a function that names the project of a directory as `prism run` would: by
// its repository where the directory is still there.
func projects() func(cwd string) string {
	// Git itself is not to be run in whatever directory a transcript names.
	noGit, cancel := context.WithCancel(context.Background())
	cancel()
	known := make(map[string]string)
	return func(cwd string) string {
		name, ok := known[cwd]
		if !ok {
			if len(known) >= maxProjects {
				clear(known)
			}
			if name = importer.ProjectOf(cwd); filepath.IsAbs(cwd) {
				if _, err := os.Stat(cwd); err == nil {
					name = attribution.Locate(noGit, cwd).Project
				}
			}
			known[cwd] = name
		}
		return name
	}
}

func (run *importRun) progress(n int64) {
	run.read += n
	if run.bar != nil {
		run.bar.set(run.read)
	}
}

// take imports everything of a source and says what came of it.
func (run *importRun) take(ctx context.Context, from string, src entrySource) error {
	if !run.dryRun {
		lock, err := run.lock()
		if err != nil {
			return err
		}
		defer lock.Close()
	}
	var err error
	if run.known, err = run.a.knownEntries(ctx, run.r, run.zone); err != nil {
		return err
	}
	run.bar = run.a.progressBytes("import", src.Size())
	defer run.bar.done()
	records := run.records(ctx, src)
	if run.dryRun {
		for _, err := range records {
			if err != nil {
				return unreadableSource(from, err)
			}
		}
	} else if _, err := run.a.appendRecords(ctx, run.r, records); err != nil {
		return run.failed(unreadableSource(from, err))
	}
	run.bar.done()
	return run.a.show(run.summary(from, src.Counts()))
}

// lock keeps a second import out: neither would see what the other is about to add.
func (run *importRun) lock() (io.Closer, error) {
	if err := daemon.PrepareDirs(run.r.paths); err != nil {
		return nil, err
	}
	lock, err := daemon.TakeLock(filepath.Join(run.r.paths.State, "import.lock"))
	if errors.Is(err, daemon.ErrRunning) {
		return nil, &admin.Error{Code: codeBusy, Message: "another import is at work", Fix: "wait for its end, and import again"}
	}
	return lock, err
}

// failed tells what is in the ledger already when an import ends early.
func (run *importRun) failed(err error) error {
	if run.added.entries == 0 || errors.Is(err, context.Canceled) {
		return err
	}
	run.a.note("note: some entries were added before this; the next import goes on where this one ended")
	return err
}

// importBatch is how many entries are looked up in the ledger at once.
const importBatch = 5000

// errStopped ends the reading of a source when nobody wants more.
var errStopped = errors.New("import stopped")

// records yields the entries that are new, priced.
func (run *importRun) records(ctx context.Context, src entrySource) iter.Seq2[ledger.Appendable, error] {
	return func(yield func(ledger.Appendable, error) bool) {
		batch := make([]*ledger.Entry, 0, importBatch)
		pass := func() error {
			fresh, err := run.known.filter(ctx, batch, src.Counts())
			batch = batch[:0]
			if err != nil {
				return err
			}
			for _, e := range fresh {
				run.price(e)
				run.added.add(e)
				if !yield(e, nil) {
					return errStopped
				}
			}
			return nil
		}
		err := src.Each(ctx, func(e *ledger.Entry) error {
			if batch = append(batch, e); len(batch) < importBatch {
				return nil
			}
			return pass()
		})
		if err == nil {
			err = pass()
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

// price fills in the costs. A sum of requests says nothing of the length of single prompts:
// where the price may depend on that, it has none, and no provider either, so that nobody
// prices it later.
func (run *importRun) price(e *ledger.Entry) {
	if slices.Contains(e.UsageNotes, importer.NoteAggregate) {
		probe := *e
		if limit := run.prices.tier(&probe); limit > 0 && int64(e.PromptTokens) > limit {
			e.UsageNotes, e.Provider = append(e.UsageNotes, importer.NoteTierUnknown), ""
			return
		}
	}
	run.prices.price(e)
}

// heldError says that what is new cannot be told from what is known.
func heldError(res ledger.FoldResult) error {
	return &admin.Error{
		Code: codeBusy, Message: "the ledger is held by " + strings.TrimSpace(res.Holder) + "; without it nobody can tell what is in it already",
		Fix: "close the program that holds it, and import again",
	}
}
