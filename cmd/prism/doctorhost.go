package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Limits from which on the doctor speaks up.
const (
	tightSpace  = 1 << 30   // bytes
	noSpace     = 64 << 20  // bytes: the reserve of the journal, and a fold
	fewFiles    = 1024      // descriptors
	clockMargin = time.Hour // a copy from another machine may be a little ahead
)

// space looks at the disks that journal, ledger and large bodies are written to.
func (x *examination) space() {
	seen := map[uint64]bool{}
	look := func(dir string, rows bool) {
		if d, ok := diskOf(existing(dir)); ok && !seen[d.id] {
			seen[d.id] = true
			x.disk(d, dir, rows)
		}
	}
	look(x.room.paths.Data, true)
	look(x.room.paths.State, true)
	look(os.TempDir(), false)
}

// disk judges one of them. Where no rows are written, only a large upload fails when it is full.
func (x *examination) disk(d disk, dir string, rows bool) {
	state, loss := stateFail, "rows would be lost"
	if !rows {
		state, loss = stateWarn, "a body of Files or Batches that does not fit in memory is refused"
	}
	fix := "make room on the disk of " + dir
	switch {
	case d.free < noSpace:
		x.add(state, "disk", fix, "%d MiB are free on the disk of %s: %s", d.free>>20, x.a.tilde(dir), loss)
	case d.files == 0 && d.countsFiles:
		x.add(state, "disk", fix, "the disk of %s has no inode left: %s", x.a.tilde(dir), loss)
	case d.free < tightSpace:
		x.add(stateWarn, "disk", fix, "%d MiB are free on the disk of %s", d.free>>20, x.a.tilde(dir))
	default:
		x.add(stateOK, "disk", "", "%d GiB are free on the disk of %s", d.free>>30, x.a.tilde(dir))
	}
	if d.remote != "" && rows {
		x.add(stateWarn, "disk", "set XDG_DATA_HOME and XDG_STATE_HOME to a local disk", "%s lies on %s, where locks and file events do not hold", x.a.tilde(dir), d.remote)
	}
}

// existing is dir, or the nearest directory above it that exists.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// disk is what is left on a file system.
type disk struct {
	id          uint64
	free        uint64 // bytes for us
	files       uint64 // inodes
	countsFiles bool
	remote      string // NFS and the like; "" where it is local
}

// limits of the process and of the user.
func (x *examination) limits() {
	if n := maxDescriptors(); n > 0 && n < fewFiles {
		x.add(stateWarn, "limits", "ulimit -n 4096", "a process may have %d descriptors: a gateway serves %d clients at once at most", n, n/3)
	}
	if err := watchable(); err != nil && x.status == nil {
		x.add(stateWarn, "watch", "sudo sysctl fs.inotify.max_user_instances=512", "no file events can be had (%v): a save is seen by the poll, two seconds late at most", err)
	}
}

// clock looks for files from the future: times in the ledger would go backwards.
func (x *examination) clock() {
	now := x.a.now()
	if built, err := time.Parse(time.RFC3339, thisBuild().Time); err == nil && now.Before(built.Add(-24*time.Hour)) {
		x.add(stateFail, "clock", "set the clock; timedatectl set-ntp true", "it is %s here, before this program was built", now.Format(time.DateTime))
		return
	}
	newest := time.Time{}
	for _, dir := range []string{x.room.paths.Journal, x.room.paths.State} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.Mode().Type() != fs.ModeSymlink && info.ModTime().After(newest) {
				newest = info.ModTime()
			}
		}
	}
	if ahead := newest.Sub(now); ahead > clockMargin {
		x.add(stateWarn, "clock", "look at the clock: date; timedatectl", "files of prism are %s ahead of the clock: it was set back, or is wrong", ahead.Round(time.Minute))
	}
}
