//go:build e2e

package browser

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"prism/internal/simulator"
)

// hostile texts, each of which would do something somewhere: on a page, on a terminal, in a
// spreadsheet, in a query, in a format.
func hostile() []string {
	return []string{
		`<img src=x onerror="window.pwned=1">`,
		`"><script>window.pwned=1</script>`,
		`</title></textarea><svg/onload=window.pwned=1>`,
		`javascript:window.pwned=1`,
		"'; drop table requests; --",
		`" or 1=1 or "`,
		"\x1b]0;pwned\x07\x1b[2J\x1b[31mred\x1b[8m",
		"a\u202egnp.exe\u2066\u200fb",
		"one\r\ntwo\x00three\tfour",
		`=cmd|' /C calc'!A0`,
		"@SUM(1+1)*cmd",
		"+1+1", "-2+3", "\t=1+1",
		`{{constructor.constructor("window.pwned=1")()}}`, "${window.pwned=1}", "%s%d%[9]s%n%%",
		`\u003cscript\u003e`, "constructor", "__proto__",
	}
}

// infest sends them on every way that a client and a provider have: headers, bodies, errors.
func infest(t *testing.T, h *house) (rows int) {
	t.Helper()
	for i, bad := range slices.Backward(hostile()) { // the newest rows are the worst
		h.work.Script(
			simulator.Reply(simulator.Text(bad), simulator.ModelName(bad), simulator.StopReason(bad)),
			simulator.Error(http.StatusBadRequest, bad, "the message: "+bad, nil),
		)
		plain := strings.Map(func(r rune) rune { // what a header can carry
			if r < ' ' || r > '~' {
				return '?'
			}
			return r
		}, bad)
		for range 2 {
			_, _, err := h.send(t.Context(), fmt.Sprintf("%s %d", bad, i),
				"X-Claude-Code-Session-Id", plain, "X-Claude-Code-Agent-Id", plain, "X-Claude-Code-Prompt-Id", plain, "User-Agent", plain+"/1",
				"X-Prism-Project", url.PathEscape(bad), "X-Prism-Branch", url.PathEscape("branch "+bad), "X-Prism-Cwd", url.PathEscape("/home/"+bad),
				"X-Prism-Tags", "team="+strings.ReplaceAll(plain, ",", ";"))
			if err != nil {
				t.Fatal(err)
			}
			rows++
		}
	}
	return rows
}

// foreign are elements that no page of ours has.
const foreign = `[...document.querySelectorAll("script:not([src^='/assets/']), iframe, object, embed, base, svg *[onload], [onerror], [onload], [onclick], img:not([src^='/assets/']), a[href^='javascript:'], meta[http-equiv]")].map((e) => e.outerHTML)`

// TestHostileTextsDoNothingOnAnyPage lets them through the gateway and looks at every page that shows them.
func TestHostileTextsDoNothingOnAnyPage(t *testing.T) {
	h := open(t, past{})
	rows := infest(t, h)
	b := h.enter(t, newChrome(t))
	unharmed := func(where string) {
		t.Helper()
		if found := js[[]string](b, foreign); len(found) > 0 || js[bool](b, `"pwned" in window`) {
			t.Errorf("%s: %q", where, found)
		}
		for _, key := range h.keys {
			if strings.Contains(js[string](b, "document.documentElement.outerHTML"), key) {
				t.Errorf("%s: a key", where)
			}
		}
	}
	look := func(address string, words ...string) {
		t.Helper()
		b.visit(address)
		for _, w := range words {
			b.shows(w)
		}
		unharmed(address)
	}
	const mark = `onerror="window.pwned=1"` // that the text is there, as text
	look("/now", mark)
	look("/requests?range=all", mark)
	for i := range 6 {
		b.visit("/requests?range=all")
		b.point(fmt.Sprintf("%s[%d].querySelector('th, td:last-child')", rowsShown, i*6))
		b.until("the details are there", `document.querySelector(".drawer dl, .drawer table") !== null`)
		b.settled()
		js[bool](b, `document.querySelectorAll(".drawer details").forEach((d) => { d.open = true; }) ?? true`)
		unharmed("the details of a row")
	}
	for _, by := range []string{"model", "project", "branch", "session", "tag:team", "host", "profile"} {
		look("/spend?range=all&split=model&by=" + url.QueryEscape(by))
	}
	look("/spend?range=all&by=project", mark)
	look("/profiles")
	for _, bad := range hostile() {
		q := url.QueryEscape(bad)
		look("/requests?q=" + q)
		look("/requests?range=all&profile=" + q + "&model=" + q + "&session=" + q + "&tag=" + q)
	}
	b.excuse("status of 40") // such questions are refused
	bad := url.QueryEscape(hostile()[0] + hostile()[1] + hostile()[4])
	b.visit("/requests?id=" + bad + "&sort=" + bad + "&after=" + bad + "&range=" + bad + "&lang=" + bad)
	unharmed("an address full of it")
	b.visit("/spend?by=" + bad + "&split=" + bad + "&show=" + bad + "&range=" + bad)
	unharmed("an address full of it")
	if n := h.number(t, "select count(*) as n from requests"); n != fmt.Sprint(rows) {
		t.Errorf("%s rows, %d were sent", n, rows)
	}
}

// TestHostileTextsDoNothingInTheEditorOfQueries asks for them in SQL, and draws them.
func TestHostileTextsDoNothingInTheEditorOfQueries(t *testing.T) {
	h := open(t, past{})
	infest(t, h)
	b := h.enter(t, newChrome(t))
	b.excuse("status of 4") // one of the queries is none
	for _, q := range []string{
		`select request_model, project, error_message, count(*) as "<img src=x onerror=window.pwned=1>" from requests group by all`,
		`select '<script>window.pwned=1</script>' as "</script><script>window.pwned=1</script>", 1 as n`,
		`-- title: <img src=x onerror=window.pwned=1>` + "\n" + `select :"<b>x</b>", 'a' || chr(27) || ']0;pwned' as e`,
	} {
		for _, view := range []string{"", "&view=chart"} {
			b.visit("/sql?q=" + url.QueryEscape(q) + view)
			b.click("button", "Run")
			b.settled()
			if found := js[[]string](b, foreign); len(found) > 0 || js[bool](b, `"pwned" in window`) {
				t.Errorf("%s: %q", q, found)
			}
		}
	}
}

// TestAHostileFileIsRefusedAndShownAsText saves a profiles.yaml whose names are markup.
func TestAHostileFileIsRefusedAndShownAsText(t *testing.T) {
	h := open(t, past{})
	b := h.enter(t, newChrome(t))
	good := h.file(t)
	for _, bad := range hostile() {
		quoted, err := json.Marshal(bad) // which is YAML too
		if err != nil {
			t.Fatal(err)
		}
		h.save(t, strings.Replace(good, "name: spare ", "name: "+string(quoted)+" ", 1))
		h.wait(t, "it is refused", func() bool {
			st, err := h.admin.Status(t.Context())
			return err == nil && (!st.File.OK || profileNamed(bad))
		})
		for _, path := range []string{"/now", "/profiles"} {
			b.visit(path)
			if found := js[[]string](b, foreign); len(found) > 0 || js[bool](b, `"pwned" in window`) {
				t.Errorf("%q on %s: %q", bad, path, found)
			}
			if !profileNamed(bad) && js[bool](b, `document.querySelector(".banner") === null`) {
				t.Errorf("%q on %s: nothing says that the file was refused", bad, path)
			}
		}
		h.save(t, good)
		h.wait(t, "it is taken back", func() bool {
			st, err := h.admin.Status(t.Context())
			return err == nil && st.File.OK
		})
	}
}

// profileNamed tells whether a profile may be called so.
func profileNamed(name string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`).MatchString(name)
}

// TestExportsHoldHostileTextsAsTheyCame reads the files back: the same texts, nothing a spreadsheet runs.
func TestExportsHoldHostileTextsAsTheyCame(t *testing.T) {
	h := open(t, past{})
	rows := infest(t, h)
	want := map[string]bool{}
	for _, r := range h.rows(t, "select distinct project from requests") {
		want[r["project"].(string)] = true
	}
	for _, bad := range hostile() {
		if !want[bad] {
			t.Errorf("%q is not in the ledger as it came", bad)
		}
	}
	b := h.enter(t, newChrome(t))
	h.prism(t, "export", "requests", "-o", h.path("rows.csv"))
	file, err := os.ReadFile(h.path("rows.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"the page": js[string](b, `fetch("/api/requests.csv?range=all").then((r) => r.text())`), "prism export": string(file),
		"the page of SQL": js[string](b, `fetch("/api/sql.csv?q=" + encodeURIComponent("from requests")).then((r) => r.text())`), "prism sql": h.prism(t, "sql", "--format", "csv", "from requests"),
	} {
		all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(all) != rows+1 {
			t.Errorf("%s: %d lines of CSV, %d rows, %v", name, len(all), rows, err)
			continue
		}
		for _, line := range all[1:] {
			for _, field := range line {
				if field != "" && strings.ContainsRune("=+-@\t\r", rune(field[0])) && !regexp.MustCompile(`^-?\d+(\.\d+)?$`).MatchString(field) {
					t.Errorf("%s: a spreadsheet would run %q", name, field)
				}
			}
		}
		if at := slices.Index(all[0], "project"); name == "the page" && !slices.ContainsFunc(all, func(l []string) bool { return l[at] == hostile()[0] }) {
			t.Errorf("%s: %q is not in it", name, hostile()[0])
		}
	}
	var out []map[string]any
	if err := json.Unmarshal([]byte(js[string](b, `fetch("/api/requests.json?range=all").then((r) => r.text())`)), &out); err != nil || len(out) != rows {
		t.Errorf("%d rows of JSON, %v", len(out), err)
	}
	for _, r := range out {
		if p, _ := r["project"].(string); !want[p] {
			t.Errorf("%q in the JSON was never sent", p)
		}
	}
	if magic := js[string](b, `fetch("/api/requests.parquet?range=all").then((r) => r.arrayBuffer()).then((d) => new TextDecoder().decode(d.slice(0, 4)))`); magic != "PAR1" {
		t.Errorf("the Parquet file begins with %q", magic)
	}
}
