package dashboard

import (
	"context"
	"regexp"
	"strings"
	"time"

	"prism/internal/admin"
)

// Stretches of time that a text is looked for in: a day, then twice as much each time, up to a month.
const (
	firstWindow = 24 * time.Hour
	lastWindow  = 30 * 24 * time.Hour
	maxWindows  = 48
)

// searchWindows are the beginnings of the stretches before end, the newest first. The last one begins
// at from; the zero time is the beginning of everything.
func searchWindows(from, end time.Time) []time.Time {
	var all []time.Time
	step := firstWindow
	for len(all) < maxWindows-1 {
		if end = end.Add(-step); !from.IsZero() && !end.After(from) {
			break
		}
		all = append(all, end)
		step = min(2*step, lastWindow)
	}
	return append(all, from)
}

// idLike is a text that may be the whole id of a request.
var idLike = regexp.MustCompile(`^[0-9A-Za-z_.:-]{16,100}$`)

// byID returns the list of the one request whose id is searched for, or the list as it is. An id is
// found at once, however many rows there are: ids are in the order of the table.
func (d *Data) byID(ctx context.Context, l *list) (*list, error) {
	if !idLike.MatchString(l.filter.search) || l.after.Sort != "" {
		return l, nil
	}
	one := *l
	one.filter.search = ""
	one.filter.id = []string{l.filter.search, strings.ToUpper(l.filter.search)}
	c := one.filter.condition("")
	results, err := d.ask(ctx, pageDeadline, []admin.Query{{SQL: "select count(*) as n from requests where " + c.String(), Params: c.params}})
	if err != nil {
		return l, err
	}
	n, err := into[struct{ N int }](&results[0])
	if err != nil || len(n) != 1 || n[0].N == 0 {
		return l, err
	}
	return &one, nil
}

// fill puts the rows that were found into a reply, and says how to go on.
func (l *list) fill(reply *requestsReply, results []admin.QueryResult, windows []time.Time) error {
	var last cursor
	full := false
	for i := range results {
		res := &results[i]
		if missed(res) {
			if full = len(reply.Rows) >= l.limit; !full {
				l.unsearched(reply, windows, i)
			}
			return l.finish(reply, last, full)
		}
		rows, err := rowsOf(res)
		if err != nil {
			return err
		}
		names := columnNames(res)
		for _, row := range rows {
			if len(reply.Rows) == l.limit {
				return l.finish(reply, last, true)
			}
			n := len(row) - 2 // the last two are for the cursor
			reply.Rows = append(reply.Rows, objectOf(names[:n], row[:n]))
			if last, err = l.cursorOf(row[n:]); err != nil {
				return err
			}
		}
	}
	return l.finish(reply, last, false)
}

// finish says where the next page begins, if there is one.
func (l *list) finish(reply *requestsReply, last cursor, more bool) error {
	if !more {
		return nil
	}
	text, err := last.String()
	reply.Next = &text
	return err
}

// unsearched says from where on rows were not looked at: before the stretch of time number n.
func (l *list) unsearched(reply *requestsReply, windows []time.Time, n int) {
	at := l.end
	if n > 0 && n <= len(windows) {
		at = windows[n-1]
	}
	to := stamp(at)
	text, err := cursor{Sort: l.sort.name, Value: &to}.String()
	if err != nil {
		return
	}
	shown := at.UTC().Format(time.RFC3339Nano)
	reply.Next, reply.SearchedTo = &text, &shown
}
