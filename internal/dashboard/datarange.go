package dashboard

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"prism/internal/admin"
	"prism/internal/spend"
)

// span is a stretch of time: From included, To not. The zero time is no bound.
type span struct {
	Name string // today, 24h, all...; "" = given by its ends
	From time.Time
	To   time.Time
}

// maxSpan bounds the number before h and d.
const maxSpan = 100_000

// spanOf reads range=, or from= and to=. A range that has a name of the calendar ends when the calendar
// says so, also where that is still to come; the others go on. Hours are counted back from now, days
// from midnight, as --since does.
func (d *Data) spanOf(v url.Values, usual string) (span, error) {
	now := d.opt.Now().In(d.zone)
	if v.Get("from") != "" || v.Get("to") != "" {
		return d.between(v.Get("from"), v.Get("to"))
	}
	name := v.Get("range")
	if name == "" {
		name = usual
	}
	s := span{Name: name}
	switch name {
	case "all":
	case "today":
		s.From, s.To = spend.Day.Span(now)
	case "yesterday":
		s.From, s.To = spend.Day.Span(dayFrom(now, -1))
	case "week":
		s.From, s.To = spend.Week.Span(now)
	case "month":
		s.From, s.To = spend.Month.Span(now)
	case "year":
		s.From, s.To = spend.Midnight(now.Year(), 1, 1, d.zone), spend.Midnight(now.Year()+1, 1, 1, d.zone)
	default:
		number, err := strconv.Atoi(name[:len(name)-1])
		unit := name[len(name)-1]
		switch {
		case err != nil || number < 1 || number > maxSpan:
			return span{}, badRange(name)
		case unit == 'h':
			s.From = now.Add(-time.Duration(number) * time.Hour).Truncate(time.Second)
		case unit == 'd':
			s.From = dayFrom(now, -number)
		default:
			return span{}, badRange(name)
		}
	}
	return s, nil
}

// dayFrom is the first instant of the day so many days after that of t.
func dayFrom(t time.Time, days int) time.Time {
	y, m, d := t.Date()
	return spend.Midnight(y, m, d+days, t.Location())
}

func badRange(name string) error {
	return usage("%q is not a range", "range=24h, 7d, today, yesterday, week, month, year or all; or from= and to=", name)
}

func (d *Data) between(from, to string) (span, error) {
	var s span
	var err error
	if s.From, err = d.instant(from); err != nil {
		return s, err
	}
	if s.To, err = d.instant(to); err != nil {
		return s, err
	}
	if !s.From.IsZero() && !s.To.IsZero() && !s.To.After(s.From) {
		return s, usage("nothing lies between %s and %s", "a to= that is later than from=", from, to)
	}
	return s, nil
}

// instant reads RFC 3339, or a date in the gateway's zone.
func (d *Data) instant(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04", time.DateOnly} {
		t, err := time.ParseInLocation(layout, text, d.zone)
		if err != nil || t.Year() <= 1900 || t.Year() >= 3000 {
			continue
		}
		if layout == time.DateOnly {
			day, err := time.Parse(layout, text) // in a zone where every day has a midnight
			return spend.Midnight(day.Year(), day.Month(), day.Day(), d.zone), err
		}
		return t, nil
	}
	return time.Time{}, usage("%q is neither a date nor an instant", "2026-11-01, or 2026-11-01T14:00:00Z", text)
}

// within keeps what started in s.
func (c *clause) within(s span) {
	if !s.From.IsZero() {
		c.and("started_at >= $from::timestamptz", "from", stamp(s.From))
	}
	if !s.To.IsZero() {
		c.and("started_at < $to::timestamptz", "to", stamp(s.To))
	}
}

// stamp writes an instant for SQL.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999999") + "+00" }

// end is where s ends, or now where that has not come.
func (s span) end(now time.Time) time.Time {
	if s.To.IsZero() || s.To.After(now) {
		return now
	}
	return s.To
}

// before is the span of the same kind that came before s, up to the same point of it: a day that is
// half over is compared with half a day. There is none before a span without a beginning.
func (s span) before(now time.Time) (span, bool) {
	if s.From.IsZero() {
		return span{}, false
	}
	from := s.From.Add(-s.end(now).Sub(s.From))
	switch s.Name {
	case "today", "yesterday":
		from = dayFrom(s.From, -1)
	case "week":
		from = dayFrom(s.From, -7)
	case "month":
		from, _ = spend.Month.Span(dayFrom(s.From, -1))
	case "year":
		from = spend.Midnight(s.From.Year()-1, 1, 1, s.From.Location())
	}
	to := s.From
	if now.Before(s.To) || s.To.IsZero() {
		to = from.Add(s.end(now).Sub(s.From))
	}
	if to.After(s.From) {
		to = s.From // the month before was shorter
	}
	return span{From: from, To: to}, true
}

// spanView is how an answer says what it is about.
type spanView struct {
	Name  string     `json:"name"`
	From  *time.Time `json:"from"`
	To    *time.Time `json:"to"`
	Until time.Time  `json:"until"` // to, or now where that has not come
	Zone  string     `json:"zone"`
}

func (d *Data) view(s span) spanView {
	return spanView{s.Name, known(s.From), known(s.To), s.end(d.opt.Now()).UTC(), d.opt.Zone}
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// usage is what is wrong with the values of a query.
func usage(format, fix string, args ...any) error {
	for i, a := range args {
		if text, ok := a.(string); ok && len(text) > maxShown {
			args[i] = strings.ToValidUTF8(text[:maxShown], "") + "…"
		}
	}
	return &admin.Error{Code: admin.CodeUsage, Message: fmt.Sprintf(format, args...), Fix: fix}
}

// maxShown is how many bytes of a wrong value are told back.
const maxShown = 60
