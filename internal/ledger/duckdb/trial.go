package duckdb

import (
	"fmt"
	"os"
)

// maxTrials is how many folds may die in a row before the file is taken for the cause.
const maxTrials = 3

// trialExt is added to the name of the file. The file of that name has a byte for every fold
// that began and has neither committed nor ended: a failed assertion within DuckDB ends the
// process, so nobody else can count them.
const trialExt = ".trial"

// begin notes that a fold begins, and moves the file aside if those before it all died.
func (f *folder) begin() {
	out, err := os.OpenFile(f.opt.File+trialExt, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return // whatever keeps us from counting does not keep us from folding
	}
	defer out.Close()
	if st, err := out.Stat(); err == nil && st.Size() >= maxTrials {
		f.moved = true
		f.aside(fmt.Errorf("%d folds in a row died on it", st.Size()), f.opt.File+".wal", f.opt.File)
		_ = out.Truncate(0)
	}
	_, _ = out.Write([]byte{'.'})
}

// survived notes that the fold got somewhere.
func (f *folder) survived() { _ = os.Remove(f.opt.File + trialExt) }
