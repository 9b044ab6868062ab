package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
)

func TestTextsAreShortenedUntilTheRowFitsAndNumbersNever(t *testing.T) {
	cols := []column{{name: "id"}, {name: "when", whole: true}, {name: "model"}, {name: "cost", right: true}}
	got := fit([]int{26, 19, 40, 9}, cols, 60)
	if got[1] != 19 || got[3] != 9 {
		t.Errorf("widths %v: a time or a number was cut", got)
	}
	if total := got[0] + got[1] + got[2] + got[3] + 3*len(columnGap); total > 60 {
		t.Errorf("widths %v need %d of 60", got, total)
	}
	if got := fit([]int{26, 19, 40, 9}, cols, 10); got[0] != narrowest || got[2] != narrowest {
		t.Errorf("widths %v: narrower than a name can be told by", got)
	}
	if got := fit([]int{26, 19, 40, 9}, cols, 0); got[0] != 26 || got[2] != 40 {
		t.Errorf("widths %v: shortened without a limit", got)
	}
}

func TestSpareColumnsGoWhereThereIsNoRoom(t *testing.T) {
	cols := []column{{name: "id"}, {name: "in", right: true, spare: true}, {name: "out", right: true}, {name: "tries", right: true, spare: true}}
	widths := []int{26, 6, 6, 5}
	for _, c := range []struct {
		width int
		want  []int
	}{{0, []int{0, 1, 2, 3}}, {80, []int{0, 1, 2, 3}}, {30, []int{0, 1, 2}}, {18, []int{0, 2}}, {5, []int{0, 2}}} {
		if got := keep(widths, cols, c.width); !slices.Equal(got, c.want) {
			t.Errorf("width %d keeps %v, want %v", c.width, got, c.want)
		}
	}
}

func TestShorteningKeepsBothEnds(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"01M8B2F4DPF57XN8KPXEZEKGJ5", 8, "01M8…GJ5"},
		{"short", 8, "short"},
		{"项目项目项目", 7, "项目…目"},
		{"abc", 2, "abc"},
	} {
		got := shorten(c.in, c.width)
		if got != c.want {
			t.Errorf("shorten(%q, %d) = %q, want %q", c.in, c.width, got, c.want)
		}
		if c.width > 2 && text.StringWidthWithoutEscSequences(got) > c.width {
			t.Errorf("shorten(%q, %d) = %q, too wide", c.in, c.width, got)
		}
	}
}

func TestAQuestionIsCancelledWithoutAnAnswer(t *testing.T) {
	in, typist := io.Pipe()
	defer typist.Close()
	a := &app{in: in, err: io.Discard}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.ask(ctx, "number? "); !errors.Is(err, context.Canceled) {
		t.Errorf("the question ended with %v", err)
	}
}
