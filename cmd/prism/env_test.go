package main

import (
	"net/url"
	"testing"
)

func TestAPlaceSurvivesTheHeader(t *testing.T) {
	for _, c := range []struct{ place, want string }{
		{"/home/u/proj", "/home/u/proj"},
		{"/home/u/a b", "/home/u/a b"},
		{"/home/u/项目 x", "/home/u/%E9%A1%B9%E7%9B%AE%20x"},
		{"release/100%25", "release/100%2525"},
		{" edge", "%20edge"},
	} {
		got := headerValue(c.place)
		if got != c.want || !printable(got) {
			t.Errorf("%q travels as %q, want %q", c.place, got, c.want)
		}
		if back, err := url.PathUnescape(got); err != nil || back != c.place {
			t.Errorf("%q arrives as %q, %v", c.place, back, err)
		}
	}
}
