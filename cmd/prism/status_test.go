package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"prism/internal/admin"
)

// standing is a gateway whose status does not change.
type standing struct {
	admin.Control
	status admin.Status
}

func (s standing) Status(context.Context) (admin.Status, error) { return s.status, nil }

// TestAProgramThatWasReplacedIsNamed: in the status for people and for programs, and by the doctor,
// who then does not speak of versions as well.
func TestAProgramThatWasReplacedIsNamed(t *testing.T) {
	const text = "the program on the disk is another build than the one that runs"
	for _, replaced := range []bool{true, false} {
		st := admin.Status{Running: true, Version: "another", Active: "work", File: admin.FileStatus{OK: true}, Listen: "127.0.0.1:1", OtherBuild: replaced}
		a, out := clientApp(t, nil, strings.NewReader(""))
		gateway(t, a, &observer{Control: standing{status: st}})
		a.writeStatus(out, st, a.statusView(st, nil), nil)
		if got := strings.Contains(out.String(), "build    "+text+"   fix: prism restart\n"); got != replaced {
			t.Errorf("replaced %t, and status says\n%s", replaced, out)
		}
		b, err := json.Marshal(a.statusView(st, nil).object)
		if want := `"other_build":` + map[bool]string{true: "true", false: "false"}[replaced]; err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s is missing in %s, %v", want, b, err)
		}
		x := &examination{a: a, ctx: t.Context(), room: a.quickRoom()}
		x.gateway()
		var got []string
		for _, f := range x.findings {
			if f.check == "version" {
				got = append(got, f.state+" "+f.what+" | "+f.fix)
			}
		}
		want := []string{"warn the gateway is another, this is " + thisBuild().Version + " | restart prism serve"}
		if replaced {
			want = []string{"warn " + text + " | prism restart"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("the doctor says %q, want %q", got, want)
		}
	}
}
