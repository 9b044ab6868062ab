package spend

import "time"

// Period is a span of the local calendar.
type Period string

// The periods that sums are kept for. A week begins on Monday.
const (
	Day   Period = "day"
	Week  Period = "week"
	Month Period = "month"
)

// periods are all of them; the sums of an account have the same order.
func periods() [3]Period { return [3]Period{Day, Week, Month} }

// Span returns the period that t lies in, in t's time zone: its first instant, and the first
// one that is no longer in it. A day of 23 or 25 hours is as long as it is.
func (p Period) Span(t time.Time) (start, end time.Time) {
	y, m, d := t.Date()
	switch p {
	case Week:
		d -= (int(t.Weekday()) + 6) % 7
		return Midnight(y, m, d, t.Location()), Midnight(y, m, d+7, t.Location())
	case Month:
		return Midnight(y, m, 1, t.Location()), Midnight(y, m+1, 1, t.Location())
	case Day:
	}
	return Midnight(y, m, d, t.Location()), Midnight(y, m, d+1, t.Location())
}

// Midnight returns the first instant of a day, in loc; m and d may lie beyond the year and the month,
// as for [time.Date]. Where the clock is changed at midnight, that is not simply what [time.Date]
// says: the hour may be missing, or there twice.
func Midnight(y int, m time.Month, d int, loc *time.Location) time.Time {
	noon := time.Date(y, m, d, 12, 0, 0, 0, loc)
	y, m, d = noon.Date()
	t := time.Date(y, m, d, 0, 0, 0, 0, loc)
	if t.Day() != d { // the day begins later than at 0:00, when the clock was put forward
		_, t = t.ZoneBounds()
		return t
	}
	changed, _ := t.ZoneBounds()
	if changed.IsZero() {
		return t
	}
	_, offset := changed.Add(-1).Zone()
	first := time.Date(y, m, d, 0, 0, 0, 0, time.FixedZone("", offset))
	if first.Before(changed) && first.Before(t) { // 0:00 was there before the clock was put back, too
		return first.In(loc)
	}
	return t
}
