package dashboard

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestTheShellKnowsThemeLanguageAndArrivalBeforeItsFirstScript(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct{ name, path, cookie, accept, site, want string }{
		{"nothing said", "/", "", "", "", `<html lang="en" data-theme="system" data-arrival="typed" data-languages="en zh-CN">`},
		{"the cookie", "/now", "prism_theme=dark; prism_lang=zh", "en", "none", `<html lang="zh-CN" data-theme="dark" data-arrival="typed" data-languages="en zh-CN">`},
		{"the address before the cookie", "/spend?lang=en", "prism_lang=zh", "zh-CN", "same-origin", `<html lang="en" data-theme="system" data-arrival="own" data-languages="en zh-CN">`},
		{"the browser's wish", "/sql", "", "zh-TW,zh;q=0.9,en;q=0.1", "cross-site", `<html lang="zh-CN" data-theme="system" data-arrival="elsewhere" data-languages="en zh-CN">`},
		{"a wish for others", "/sql", "", "de-DE,fr", "", `<html lang="en" data-theme="system" data-arrival="typed" data-languages="en zh-CN">`},
		{"English first", "/sql", "", "en-GB,zh;q=0.9", "", `<html lang="en"`},
		{"markup in all of them", `/?lang="><script>alert(1)</script>`, `prism_theme="><script>; prism_lang="><script>`, `"><script>`, "", `<html lang="en" data-theme="system" data-arrival="typed" data-languages="en zh-CN">`},
	} {
		resp, body := r.ask(http.MethodGet, strings.NewReplacer(`"`, "%22", "<", "%3C", ">", "%3E").Replace(c.path), "", func(q *http.Request) {
			for name, value := range map[string]string{"Cookie": c.cookie, "Accept-Language": c.accept, "Sec-Fetch-Site": c.site} {
				if value != "" {
					q.Header.Set(name, value)
				}
			}
			if c.site == "cross-site" {
				q.Header.Set("Sec-Fetch-Mode", "navigate")
				q.Header.Set("Sec-Fetch-Dest", "document")
			}
		})
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, c.want) || strings.Contains(body, "alert(1)") {
			t.Errorf("%s: %d\n%s", c.name, resp.StatusCode, body)
		}
	}
}

// Whoever is not signed in gets the same bytes as who is.
func TestTheShellHoldsNoDataOfTheGateway(t *testing.T) {
	r := newRig(t, nil)
	_, without := r.ask(http.MethodGet, "/", "", nil)
	_, with := r.ask(http.MethodGet, "/", "", r.signIn())
	if with != without || strings.Contains(with, "work") || strings.Contains(with, "canary") {
		t.Errorf("%s", with)
	}
	if inline := regexp.MustCompile(`(?i)<script(?:[^>]*src=)?[^>]*>[^<]|\son[a-z]+=|javascript:|<style|style=|https?://`).FindString(with); inline != "" {
		t.Errorf("the policy would refuse %q", inline)
	}
}

func TestAssetsAreWhatTheProgramHolds(t *testing.T) {
	r := newRig(t, nil)
	files, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	if files["lang/zh.json"] == nil || files["lang/en.json"] == nil {
		t.Error("the catalogue is missing")
	}
	for name, f := range files {
		resp, body := r.ask(http.MethodGet, "/assets/"+name, "", nil)
		if resp.StatusCode != http.StatusOK || body != string(f.data) || resp.Header.Get("Content-Type") != f.kind || resp.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d, %v", name, resp.StatusCode, resp.Header)
		}
		again, none := r.ask(http.MethodGet, "/assets/"+name, "", func(q *http.Request) { q.Header.Set("If-None-Match", resp.Header.Get("ETag")) })
		if again.StatusCode != http.StatusNotModified || none != "" {
			t.Errorf("%s again: %d", name, again.StatusCode)
		}
	}
}

func TestOnlyKnownKindsOfFilesAreServed(t *testing.T) {
	for name, want := range map[string]string{
		"js/app.js": "text/javascript; charset=utf-8", "css/app.css": "text/css; charset=utf-8", "lang/zh.json": "application/json",
		"index.html": "", "gen/main.go": "", "go.mod": "", "LICENSE": "", "x.js.map": "", "": "",
	} {
		if got := kindOf(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}
