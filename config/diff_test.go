package config

import (
	"strings"
	"testing"
)

func TestDiffShowsWhatChangedAndNoKey(t *testing.T) {
	before := "active: a\nprofiles:\n  - name: a\n    api_key: sk-secret-1\n    base_url: x\n\n# 1\n# 2\n# 3\n# 4\n# 5\nrules: []\n"
	after := strings.NewReplacer("active: a", "active: b", "sk-secret-1", "sk-secret-2", "rules: []", "rules:\n  - {use: b}").Replace(before) + "# end"
	const want = `@@ -1,3 +1,3 @@
-active: a
+active: b
 profiles:
   - name: a
@@ -10,3 +10,5 @@
 # 4
 # 5
-rules: []
+rules:
+  - {use: b}
+# end
`
	if got := Diff([]byte(before), []byte(after)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := Diff([]byte(before), []byte(before)); got != "" {
		t.Errorf("the same text differs:\n%s", got)
	}
	if got := Diff(nil, []byte("a: 1\n")); got != "@@ -0,0 +1,1 @@\n+a: 1\n" {
		t.Errorf("a first text: %q", got)
	}
}

func FuzzDiffCanBeApplied(f *testing.F) {
	f.Add("a\nb\n\nc\nd\n", "a\n\nx\nc\nd\ne\n")
	f.Fuzz(func(t *testing.T, before, after string) {
		d := differ{a: strings.Split(before, "\n"), b: strings.Split(after, "\n")}
		d.compare()
		var out []string
		at := 0
		for _, c := range d.changes {
			out = append(append(out, d.a[at:c.a0]...), d.b[c.b0:c.b1]...)
			at = c.a1
		}
		out = append(out, d.a[at:]...)
		if strings.Join(out, "\n") != after {
			t.Errorf("%q became %q, want %q", before, strings.Join(out, "\n"), after)
		}
		_ = d.text()
	})
}
