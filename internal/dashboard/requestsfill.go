package dashboard

import (
	"context"
	"math"
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

// stretch is a part of the time that is looked at: from included, to not. The zero time is the
// beginning of everything.
type stretch struct{ from, to time.Time }

// stretches are those before end, the newest first. The last one begins at from.
func stretches(from, end time.Time) []stretch {
	var all []stretch
	step := firstWindow
	for len(all) < maxWindows-1 {
		begin := end.Add(-step)
		if !from.IsZero() && !begin.After(from) {
			break
		}
		all = append(all, stretch{begin, end})
		end = begin
		step = min(2*step, lastWindow)
	}
	return append(all, stretch{from, end})
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
func (l *list) fill(reply *requestsReply, results []admin.QueryResult, all []stretch) error {
	var last cursor
	full := false
	for i := range results {
		res := &results[i]
		if missed(res) {
			if full = len(reply.Rows) >= l.limit; !full {
				l.unsearched(reply, all[i])
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

// unsearched says that rows from the stretch s on were not looked at.
func (l *list) unsearched(reply *requestsReply, s stretch) {
	at, c := s.to, cursor{Sort: l.sort.name}
	before := at // the place in the list after which s begins
	if l.sort.dir == "asc" {
		if at = s.from; at.IsZero() {
			at = time.Unix(0, 0)
		}
		before, c.Row = at.Add(-time.Microsecond), math.MaxInt64
	}
	value := stamp(before)
	c.Value = &value
	text, err := c.String()
	if err != nil {
		return
	}
	shown := at.UTC().Format(time.RFC3339Nano)
	reply.Next, reply.SearchedTo = &text, &shown
}
