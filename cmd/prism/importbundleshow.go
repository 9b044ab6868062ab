package main

import (
	"fmt"
	"io"

	"prism/internal/transfer"
)

// view is what became of a bundle.
func (in *bundleImport) view() view {
	a := in.a
	added, replaced := "added", "replaced"
	if in.dry {
		added, replaced = "would be added", "would be replaced"
	}
	type file struct {
		Name    string `json:"name"`
		Path    string `json:"path"`
		Outcome string `json:"outcome"`
	}
	files := []file{}
	for _, row := range in.made.rows {
		files = append(files, file{row[0].text, row[1].text, row[2].text})
	}
	v := view{columns: []column{{name: "profile"}, {name: "outcome"}}, object: struct {
		From     string          `json:"from"`
		How      string          `json:"how"`
		DryRun   bool            `json:"dry_run"`
		Written  bool            `json:"written"`
		Profiles []string        `json:"profiles"` // added
		Replaced []string        `json:"replaced"`
		Files    []file          `json:"files"`
		Left     []transfer.Left `json:"left"`
		Diff     string          `json:"diff,omitempty"`
	}{in.path, in.b.How, in.dry, in.written, append([]string{}, in.added...), append([]string{}, in.replaced...), files, append([]transfer.Left{}, in.left...), in.diff}}
	for _, name := range in.added {
		v.rows = append(v.rows, []cell{textCell(name), a.wordCell(added)})
	}
	for _, name := range in.replaced {
		v.rows = append(v.rows, []cell{textCell(name), a.wordCell(replaced)})
	}
	v.text = func(w io.Writer) {
		line := func(s string) { fmt.Fprintln(w, escape(s, false)) }
		for _, name := range in.added {
			line(a.text("profile %s: %s", name, a.said(added)))
		}
		for _, name := range in.replaced {
			line(a.text("profile %s: %s", name, a.said(replaced)))
		}
		for _, f := range files {
			line(a.text("%s: %s", a.tilde(f.Path), a.said(f.Outcome)))
		}
		if len(in.left) > 0 {
			line(a.text("not imported, or not in full:"))
		}
		for _, l := range in.left {
			line("  " + l.What + ": " + a.said(l.Why))
		}
		if len(in.added)+len(in.replaced) == 0 {
			line(a.text("no profile of the bundle is new"))
		}
		if in.diff != "" {
			fmt.Fprint(w, "\n"+escape(in.diff, true))
		}
	}
	return v
}
