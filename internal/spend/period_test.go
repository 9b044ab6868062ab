package spend

import (
	"testing"
	"time"
	_ "time/tzdata"
)

func TestPeriodsEndWhereTheLocalCalendarSays(t *testing.T) {
	tests := []struct {
		name, zone, at string
		per            Period
		start, end     string
	}{
		{"a day", "Europe/Berlin", "2026-11-26T13:00:00+01:00", Day, "2026-11-26T00:00:00+01:00", "2026-11-27T00:00:00+01:00"},
		{"23 hours", "Europe/Berlin", "2026-03-29T13:00:00+02:00", Day, "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"},
		{"25 hours", "Europe/Berlin", "2026-10-25T01:00:00+02:00", Day, "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"},
		{"a week begins on Monday", "Europe/Berlin", "2026-11-29T23:59:59+01:00", Week, "2026-11-23T00:00:00+01:00", "2026-11-30T00:00:00+01:00"},
		{"a Monday", "Europe/Berlin", "2026-11-23T00:00:00+01:00", Week, "2026-11-23T00:00:00+01:00", "2026-11-30T00:00:00+01:00"},
		{"a week over the new year", "UTC", "2027-01-01T00:00:00Z", Week, "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"},
		{"a month with a change", "Europe/Berlin", "2026-10-31T12:00:00+01:00", Month, "2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00"},
		{"the last month", "UTC", "2026-12-31T23:59:59Z", Month, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		// Clocks that are put forward at midnight: the day begins at 1:00.
		{"no midnight", "Africa/Cairo", "2026-04-24T12:00:00+03:00", Day, "2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"},
		{"before no midnight", "Africa/Cairo", "2026-04-23T12:00:00+02:00", Day, "2026-04-23T00:00:00+02:00", "2026-04-24T01:00:00+03:00"},
		// Clocks that are put back at midnight to 23:00: the day before has 25 hours.
		{"an hour twice before midnight", "Africa/Cairo", "2026-10-29T12:00:00+03:00", Day, "2026-10-29T00:00:00+03:00", "2026-10-30T00:00:00+02:00"},
		// Havana puts them back at 1:00 to 0:00: midnight is there twice, and the first counts.
		{"midnight twice", "America/Havana", "2026-11-01T12:00:00-05:00", Day, "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			zone, err := time.LoadLocation(tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			at, _ := time.Parse(time.RFC3339, tt.at)
			start, end := tt.per.Span(at.In(zone))
			if got := start.Format(time.RFC3339); got != tt.start {
				t.Errorf("begins %s, want %s", got, tt.start)
			}
			if got := end.Format(time.RFC3339); got != tt.end {
				t.Errorf("ends %s, want %s", got, tt.end)
			}
		})
	}
}

// TestPeriodsLeaveNoGap walks through years of every kind of clock: each instant lies in its
// period, and each period begins where the one before ended.
func TestPeriodsLeaveNoGap(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "Africa/Cairo", "America/Havana", "Australia/Lord_Howe", "Asia/Beirut", "America/Sao_Paulo", "Pacific/Apia", "America/Asuncion"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range allPeriods() {
			at := time.Date(2010, 12, 20, 7, 0, 0, 0, zone)
			_, last := p.Span(at)
			for at.Year() < 2013 {
				start, end := p.Span(last)
				if !start.Equal(last) {
					t.Fatalf("%s: a %s ends at %s, and the next begins at %s", name, p, last, start)
				}
				if again, _ := p.Span(end.Add(-1)); !again.Equal(start) {
					t.Fatalf("%s: the last instant of the %s that begins at %s is in another one, which begins at %s", name, p, start, again)
				}
				at, last = last, end
			}
		}
	}
}
