package daemon

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/pricing"
)

// describeSwap says what changed, by name.
func (d *Daemon) describeSwap(v *admin.Verdict, old *fileState, f *File, report config.PinReport) {
	var before []config.Profile
	if old != nil && old.live != nil {
		before = old.live.Profiles.Profiles
	}
	v.Added, v.Removed, v.Changed = difference(before, f.Profiles.Profiles)
	for _, pin := range report.New {
		v.Notes = append(v.Notes, firstUse(pin, f.Profiles.Profile(pin.Profile)))
	}
	if old == nil || old.live == nil {
		return
	}
	v.Changed = append(v.Changed, changedBeside(old.live.Profiles, f.Profiles)...)
	if f.Opened == nil || old.live.Opened == nil {
		return
	}
	if f.Opened.LastModified.Before(old.live.Opened.LastModified) {
		v.Notes = append(v.Notes, "the file is older than the one before: lastmodified went backwards")
	}
	if !reflect.DeepEqual(f.Opened.Recipients, old.live.Opened.Recipients) {
		v.Notes = append(v.Notes, "the recipients of the file changed: other keys can open it now")
	}
}

// firstUse says that a host was not known before.
func firstUse(pin config.Pin, p *config.Profile) string {
	switch {
	case p != nil && p.APIKey.IsZero():
		return fmt.Sprintf("profile %s: requests may now be sent to %s (first use)", pin.Profile, pin.Origin)
	case pin.Name != "":
		return fmt.Sprintf("profile %s: its key %s may now be sent to %s (first use)", pin.Profile, pin.Name, pin.Origin)
	}
	return fmt.Sprintf("profile %s: its key may now be sent to %s (first use)", pin.Profile, pin.Origin)
}

// difference compares two lists of profiles by name; places in the file do not count.
func difference(before, after []config.Profile) (added, removed, changed []string) {
	added, removed, changed = []string{}, []string{}, []string{}
	old := make(map[string]*config.Profile, len(before))
	for i := range before {
		old[before[i].Name] = &before[i]
	}
	for i := range after {
		p := &after[i]
		was := old[p.Name]
		delete(old, p.Name)
		switch {
		case was == nil:
			added = append(added, p.Name)
		case !sameProfile(was, p):
			changed = append(changed, p.Name)
		}
	}
	for i := range before {
		if _, ok := old[before[i].Name]; ok {
			removed = append(removed, before[i].Name)
		}
	}
	return added, removed, changed
}

// changedBeside names what changed beside the profiles and the prices. Of the token it is said that
// it changed, and nothing else.
func changedBeside(before, after *config.Profiles) []string {
	var changed []string
	sameRule := func(a, b config.Rule) bool {
		a.Pos, b.Pos = config.Pos{}, config.Pos{}
		return reflect.DeepEqual(a, b)
	}
	if !slices.EqualFunc(before.Rules, after.Rules, sameRule) {
		changed = append(changed, "rules")
	}
	if !before.ClientToken.Equal(after.ClientToken) {
		changed = append(changed, "client_token")
	}
	return changed
}

func sameProfile(a, b *config.Profile) bool {
	sameKey := func(x, y config.Key) bool { return x.Name == y.Name && x.Secret.Equal(y.Secret) }
	if !slices.EqualFunc(a.AllKeys(), b.AllKeys(), sameKey) {
		return false
	}
	x, y := *a, *b
	for _, p := range []*config.Profile{&x, &y} {
		p.APIKey, p.Keys, p.Pos, p.BaseURLPos, p.KeyPos = config.Secret{}, nil, config.Pos{}, config.Pos{}, config.Pos{}
	}
	return reflect.DeepEqual(x, y)
}

// announceSwap tells the log and the ledger.
func (d *Daemon) announceSwap(v admin.Verdict, f *File) {
	line := d.log.Info().Str(keyTrigger, v.Trigger).Uint64(keyGeneration, v.Generation).Str(keyActive, v.Active)
	if v.Previous != "" && v.Previous != v.Active {
		line.Str(keyPrevious, v.Previous)
	}
	for _, set := range []struct {
		key   string
		names []string
	}{{keyAdded, v.Added}, {keyRemoved, v.Removed}, {keyChanged, v.Changed}} {
		if len(set.names) > 0 {
			line.Strs(set.key, set.names)
		}
	}
	line.Int(keyInFlight, v.Draining).Float64(keyDuration, v.DurationMS).Msg("routes swapped")
	for _, n := range v.Notes {
		d.log.Warn().Str(keyNote, n).Uint64(keyGeneration, v.Generation).Msg("swap needs attention")
	}
	changed := v.Changed
	switch {
	case v.Previous == "":
		changed = append([]string{"active: " + v.Active}, changed...)
	case v.Previous != v.Active:
		changed = append([]string{"active: " + v.Previous + " -> " + v.Active}, changed...)
	}
	d.record(&ledger.ConfigEvent{
		Generation: v.Generation, Trigger: v.Trigger, Hash: f.Hash, Accepted: true, Reason: strings.Join(v.Notes, "; "),
		Added: v.Added, Removed: v.Removed, Changed: changed,
	})
}

// BookOf returns base with the rows of the file; what is wrong with one of them is a problem
// of the file.
func BookOf(base *pricing.Book, f *File) (*pricing.Book, config.Problems) {
	if len(f.Profiles.Prices) == 0 {
		return base, nil
	}
	rows := make([]pricing.Row, len(f.Profiles.Prices))
	for i := range rows {
		rows[i] = priceRow(&f.Profiles.Prices[i])
	}
	book, err := base.With(rows)
	if err != nil {
		return nil, bookProblems(f, err)
	}
	return book, nil
}

// bookProblems says what a book has against rows of the file, each where it stands.
func bookProblems(f *File, err error) config.Problems {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	var problems config.Problems
	for _, err := range all {
		p := config.Problem{Severity: config.SeverityError, Code: config.CodeInvalid, File: f.Path, Path: "prices", Message: err.Error(), Fix: "see docs/config.md, prices"}
		if e, ok := errors.AsType[*pricing.RowError](err); ok {
			at := config.PricePos(f.Src, e.Row, e.Field)
			p.Line, p.Column, p.Path, p.Message = at.Line, at.Column, fmt.Sprintf("prices[%d].%s", e.Row, e.Field), e.Problem
		}
		problems = append(problems, p)
	}
	return problems.Locate(f.Path, f.Src)
}

// priceRow copies the fields that both rows have under the same name: all but the layer,
// which the book sets.
func priceRow(src *config.PriceRow) pricing.Row {
	var row pricing.Row
	from, to := reflect.ValueOf(src).Elem(), reflect.ValueOf(&row).Elem()
	for i := range from.NumField() {
		to.FieldByName(from.Type().Field(i).Name).Set(from.Field(i))
	}
	return row
}
