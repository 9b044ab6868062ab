package config

import (
	"errors"
	"slices"
	"strconv"
	"time"
)

// ErrRule is returned for a time or a day of a rule that no check has seen.
var ErrRule = errors.New("not a time or a day")

// weekdays are the days as rules name them, in the order of [time.Weekday].
func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// Window returns the time of the day in which the rule holds, in minutes since midnight on the
// clock: from until just before to. Where to is less than from it runs over midnight; where both
// are 0 the rule holds at any time.
func (r *Rule) Window() (from, to int, err error) {
	if r.Between == "" {
		return 0, 0, nil
	}
	if !timeWindow.MatchString(r.Between) {
		return 0, 0, ErrRule
	}
	return minuteOf(r.Between[:5]), minuteOf(r.Between[6:]), nil
}

// minuteOf reads HH:MM, which timeWindow has matched.
func minuteOf(clock string) int {
	h, _ := strconv.Atoi(clock[:2])
	m, _ := strconv.Atoi(clock[3:])
	return h*60 + m
}

// Weekdays returns the days on which the rule holds; none means every day.
func (r *Rule) Weekdays() ([]time.Weekday, error) {
	var out []time.Weekday
	for _, name := range r.Days {
		i := slices.Index(weekdays(), name)
		if i < 0 {
			return nil, ErrRule
		}
		out = append(out, time.Weekday(i))
	}
	return out, nil
}
