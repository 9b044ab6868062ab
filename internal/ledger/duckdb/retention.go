package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"prism/internal/ledger"
)

// Collected is what a retention let go of, or would.
type Collected struct {
	Rewritten

	Rows     int64                `json:"rows"`     // from before
	Segments []ledger.SegmentInfo `json:"segments"` // of the archive that held nothing else
	DryRun   bool                 `json:"dry_run,omitempty"`
}

// Collect lets go of the rows from before keepFrom, and of the packed segments that hold nothing
// else. Nothing is deleted in place: the rows that stay are written into a new file, which is
// swapped in. The instant is remembered beside the archive first, so that nothing comes back,
// whatever is cut short. A dry run only counts.
func Collect(ctx context.Context, opt UpkeepOptions, keepFrom time.Time, dryRun bool) (res Collected, err error) {
	opt = opt.withDefaults()
	defer func() { err = opt.inShort(err) }()
	keepFrom = keepFrom.UTC().Truncate(time.Microsecond)
	res = Collected{DryRun: dryRun, Segments: []ledger.SegmentInfo{}}
	res.KeepFrom = keepFrom
	if keepFrom.After(opt.Now()) {
		return res, errors.New("collect: the instant from which rows are kept is in the future")
	}
	claim, err := opt.claim()
	if err != nil {
		return res, err
	}
	defer claim.Close()
	horizon, err := ledger.ReadHorizon(opt.ArchiveDir)
	if err != nil {
		return res, err
	}
	if keepFrom.Before(horizon.KeepFrom) {
		keepFrom = horizon.KeepFrom
	}
	if res.Rows, err = opt.older(ctx, keepFrom); err != nil {
		return res, err
	}
	older, err := ledger.Older(opt.JournalDir, opt.ArchiveDir, keepFrom)
	if err != nil {
		return res, err
	}
	res.Segments = append(res.Segments, older...)
	if dryRun {
		return res, nil
	}
	if res.Rows > 0 {
		horizon.KeepFrom = keepFrom
	}
	horizon.SetAt = opt.Now().UTC()
	if err := horizon.Write(opt.ArchiveDir); err != nil {
		return res, err
	}
	if res.Rows > 0 {
		if res.Rewritten, err = opt.rewrite(ctx, keepFrom); err != nil {
			return res, err
		}
		if err := opt.catchUp(ctx); err != nil {
			return res, err
		}
	}
	return res, ledger.Remove(older)
}

// older counts the rows from before an instant.
func (o *UpkeepOptions) older(ctx context.Context, keepFrom time.Time) (int64, error) {
	var parts []string
	var args []any
	for _, d := range datedTables() {
		parts = append(parts, fmt.Sprintf("(select count(*) from %s where %s < ?)", d.table, d.instant))
		args = append(args, keepFrom)
	}
	var rows int64
	err := patiently(ctx, o.Patience, func() error {
		db, err := OpenReader(ctx, o.File, ReaderOptions{})
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		m, err := readMeta(ctx, db)
		if err == nil && m.Schema < presentSchema {
			err = errEarlier
		}
		if err == nil {
			err = db.QueryRowContext(ctx, "select "+strings.Join(parts, " + "), args...).Scan(&rows)
		}
		return errors.Join(err, db.Close())
	})
	if err != nil {
		return 0, fmt.Errorf("count old rows: %w", err)
	}
	return rows, nil
}

// collectEvery is how often a policy is looked at.
const collectEvery = 24 * time.Hour

// CollectByPolicy is [Collect] for rows older than keep days, at most once a day; it tells
// whether it was time. It is called after a fold, by whoever folded.
func CollectByPolicy(ctx context.Context, opt FoldOptions, days int) (Collected, bool, error) {
	up := UpkeepOptions{FoldOptions: opt}.withDefaults()
	horizon, err := ledger.ReadHorizon(opt.ArchiveDir)
	now := up.Now()
	if err != nil || days <= 0 || now.Sub(horizon.SetAt).Abs() < collectEvery {
		return Collected{}, false, err
	}
	if _, err := os.Stat(opt.File); err != nil {
		return Collected{}, false, nil //nolint:nilerr // there is nothing to let go of
	}
	year, month, day := now.Date()
	res, err := Collect(ctx, up, time.Date(year, month, day-days, 0, 0, 0, 0, now.Location()), false)
	return res, true, err
}
