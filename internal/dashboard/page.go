package dashboard

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/text/language"

	"prism/internal/lang"
)

// Cookies in which the pages keep what a person chose. Nothing in them is secret.
const (
	themeCookie = "prism_theme"
	langCookie  = "prism_lang"
)

// shell is the one document of the dashboard. It holds no data: whoever may see none gets it too.
type shell struct {
	before, after []byte // around the tag <html …>
}

// readShell finds the tag whose attributes tell the page what it needs before its first script
// runs: a theme that came later would flash.
func readShell() (*shell, error) {
	text, err := web.ReadFile("web/index.html")
	if err != nil {
		return nil, fmt.Errorf("read the pages of the dashboard: %w", err)
	}
	at := bytes.Index(text, []byte("<html"))
	if at < 0 {
		return nil, fmt.Errorf("read the pages of the dashboard: index.html has no <html>")
	}
	end := bytes.IndexByte(text[at:], '>')
	if end < 0 {
		return nil, fmt.Errorf("read the pages of the dashboard: <html> does not end")
	}
	return &shell{text[:at], text[at+end+1:]}, nil
}

// ServeHTTP writes the document. Only words of this program get into it.
func (s *shell) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", s.language(r))
	tag := fmt.Sprintf(`<html lang="%s" data-theme="%s" data-arrival="%s" data-languages="%s">`, s.language(r), themeOf(r), arrivalOf(r), languages())
	_, _ = w.Write(bytes.Join([][]byte{s.before, []byte(tag), s.after}, nil)) // the browser has left: nobody is there to be told
}

// language is that of the address, else of the cookie, else what the browser prefers.
func (s *shell) language(r *http.Request) string {
	tag := language.English
	for _, wish := range []string{r.URL.Query().Get("lang"), cookie(r, langCookie), r.Header.Get("Accept-Language")} {
		found, known := lang.Parse(wish)
		if known {
			tag = found
			break
		}
	}
	return lang.PageTag(tag)
}

// languages are all that the pages can be had in, as the attribute of the document lists them.
func languages() string {
	var tags []string
	for _, tag := range lang.Languages() {
		tags = append(tags, lang.PageTag(tag))
	}
	return strings.Join(tags, " ")
}

func themeOf(r *http.Request) string {
	switch theme := cookie(r, themeCookie); theme {
	case "light", "dark":
		return theme
	}
	return "system"
}

// arrivalOf tells how the browser came here: a query in an address is run by itself only where
// one of our own pages led to it.
func arrivalOf(r *http.Request) string {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin":
		return "own"
	case "none", "":
		return "typed"
	}
	return "elsewhere"
}

func cookie(r *http.Request, name string) string {
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}
