package dashboard

import (
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"prism/internal/admin"
)

// Bounds of a request.
const (
	maxBody   = 64 << 10 // bytes
	maxParams = 256      // of a query
)

// place is a part of the port that the guard tells apart.
type place int

const (
	placeNone    place = iota
	placePage          // the shell, without any data in it
	placeAsset         // files of the program
	placeMonitor       // for tools that watch services
	placeAPI           // everything that is worth asking for
)

// pages are the paths that answer with the shell.
func pages() []string {
	return []string{"/", "/now", "/requests", "/spend", "/sql", "/profiles"}
}

func placeOf(p string) place {
	switch {
	case slices.Contains(pages(), p):
		return placePage
	case strings.HasPrefix(p, "/assets/"):
		return placeAsset
	case p == "/healthz", p == "/readyz", p == "/metrics":
		return placeMonitor
	case strings.HasPrefix(p, "/api/"):
		return placeAPI
	}
	return placeNone
}

// refusal is why a request is not looked at.
type refusal struct {
	status int
	err    *admin.Error
}

func no(status int, message, fix string) *refusal {
	return &refusal{status, &admin.Error{Code: codeRefused, Message: message, Fix: fix}}
}

// guard judges where a request comes from and whether it has the shape that the port answers. Any
// process and any page of a browser can reach a port: what is refused here has cost nothing
// and done nothing.
type guard struct {
	hosts  []string // the values of Host that lead here, in lower case; the first is the one to name
	origin *http.CrossOriginProtection
}

func newGuard(hosts []string) guard { return guard{hosts, http.NewCrossOriginProtection()} }

// check returns nil for a request that may be looked at.
func (g guard) check(r *http.Request) *refusal {
	if no := g.checkTarget(r); no != nil {
		return no
	}
	if no := g.checkSource(r); no != nil {
		return no
	}
	return checkShape(r)
}

// checkTarget demands a plain path and a query that can be read, at a name that is ours.
func (g guard) checkTarget(r *http.Request) *refusal {
	if !strings.HasPrefix(r.RequestURI, "/") {
		return no(http.StatusBadRequest, "only paths are answered here", "")
	}
	if !slices.Contains(g.hosts, strings.ToLower(r.Host)) {
		return no(http.StatusMisdirectedRequest, "this Host is not answered here", "use "+g.hosts[0])
	}
	p := r.URL.Path
	if p != path.Clean(p) || placeOf(p) == placeNone || r.URL.RawPath != "" || strings.ContainsFunc(p, oddInPath) {
		return no(http.StatusNotFound, "there is no such path", "")
	}
	if strings.Count(r.URL.RawQuery, "&") >= maxParams {
		return no(http.StatusBadRequest, "the query has too many parts", "")
	}
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		return no(http.StatusBadRequest, "the query cannot be read", "")
	}
	return nil
}

func oddInPath(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("/._-", c)
}

// checkSource refuses what another site's page asks for. A link from elsewhere may open a page, as
// a document of its own: the shell holds nothing, and its own script cannot be framed.
func (g guard) checkSource(r *http.Request) *refusal {
	foreign := no(http.StatusForbidden, "requests from web pages of others are refused", "")
	if origins, sent := r.Header["Origin"]; sent && (len(origins) != 1 || origins[0] != "http://"+strings.ToLower(r.Host)) {
		return foreign
	}
	site, err := only(r.Header, "Sec-Fetch-Site")
	if _, sent := r.Header["Sec-Fetch-Site"]; err != nil || sent && site == "" {
		return foreign
	}
	where := placeOf(r.URL.Path)
	switch site {
	case "", "same-origin":
	case "none":
		if where == placeAPI {
			return no(http.StatusForbidden, "this is answered to the pages of the dashboard only", "")
		}
	default:
		if where != placePage || !opensDocument(r) {
			return foreign
		}
	}
	if g.origin.Check(r) != nil {
		return foreign
	}
	return nil
}

// opensDocument tells whether a browser fetches a page to show it in a tab or window of its own.
func opensDocument(r *http.Request) bool {
	mode, modeErr := only(r.Header, "Sec-Fetch-Mode")
	dest, destErr := only(r.Header, "Sec-Fetch-Dest")
	return r.Method == http.MethodGet && modeErr == nil && destErr == nil && mode == "navigate" && dest == "document"
}

// checkShape refuses what no page of ours would send.
func checkShape(r *http.Request) *refusal {
	_, encoded := r.Header["Content-Encoding"]
	_, upgrade := r.Header["Upgrade"]
	switch {
	case upgrade:
		return no(http.StatusBadRequest, "there is nothing to upgrade to", "")
	case encoded:
		return no(http.StatusUnsupportedMediaType, "encoded bodies are refused", "")
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if r.Method == http.MethodHead && placeOf(r.URL.Path) == placeAPI {
			return no(http.StatusMethodNotAllowed, "only GET and POST are answered here", "")
		}
		if r.ContentLength != 0 {
			return no(http.StatusBadRequest, "a body is refused here", "")
		}
		return nil
	case http.MethodPost:
		return checkPost(r)
	case http.MethodOptions:
		return no(http.StatusForbidden, "requests from web pages of others are refused", "")
	}
	return no(http.StatusMethodNotAllowed, "only GET, HEAD and POST are answered here", "")
}

func checkPost(r *http.Request) *refusal {
	if placeOf(r.URL.Path) != placeAPI {
		return no(http.StatusMethodNotAllowed, "only GET and HEAD are answered here", "")
	}
	text, err := only(r.Header, "Content-Type")
	kind, _, badKind := mime.ParseMediaType(text)
	if err != nil || badKind != nil || kind != "application/json" {
		return no(http.StatusUnsupportedMediaType, "the body must be application/json", "")
	}
	if r.ContentLength > maxBody {
		return no(http.StatusRequestEntityTooLarge, "the body is too large", "")
	}
	return nil
}

// only returns the value of a header that may come once at most.
func only(h http.Header, name string) (string, error) {
	values := h[name]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", errRepeated
}
