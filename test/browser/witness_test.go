//go:build e2e

package browser

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// reporter is the name under which a page tells the witness what only the page itself is told.
const reporter = "tellTheWitness"

// testimony runs in every document before its own scripts: breaches of the policy as events of the
// document, and as reports, which also know those of the parser.
const testimony = `
addEventListener("securitypolicyviolation", (e) => ` + reporter + `(JSON.stringify(["policy", e.violatedDirective + " " + e.blockedURI + " " + e.sample])), true);
new ReportingObserver((all) => all.forEach((r) => ` + reporter + `(JSON.stringify(["report", r.type + " " + JSON.stringify(r.body)]))), { buffered: true }).observe();
`

// witness remembers what must not happen in a tab.
type witness struct {
	host string // the only one that may be asked

	mu      sync.Mutex
	excused []string                     // words of faults that do not count; guarded by mu
	faults  []string                     // guarded by mu
	sent    int                          // requests; guarded by mu
	open    map[network.RequestID]string // requests that wait for their answer; guarded by mu
}

func newWitness(host string) *witness {
	return &witness{host: host, open: map[network.RequestID]string{}}
}

// see takes an event of the tab. It runs in the loop that reads them and must not ask the tab.
func (w *witness) see(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if slices.Contains([]string{"error", "warning", "assert"}, string(e.Type)) {
			w.blame("console.%s: %s", e.Type, wordsOf(e.Args))
		}
	case *runtime.EventExceptionThrown:
		w.blame("exception: %s", mustJSON(e.ExceptionDetails))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Source == log.EntrySourceSecurity {
			w.blame("browser %s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		d := e.Issue.Details.GenericIssueDetails
		advice := d != nil && strings.HasPrefix(string(d.ErrorType), "Form") || e.Issue.Code == audits.InspectorIssueCodePerformanceIssue
		if !advice {
			w.blame("issue %s: %s", e.Issue.Code, mustJSON(e.Issue.Details))
		}
	case *page.EventJavascriptDialogOpening:
		w.blame("a dialog: %s", e.Message)
	case *runtime.EventBindingCalled:
		if e.Name == reporter {
			w.blame("%s", e.Payload)
		}
	case *network.EventWebSocketCreated:
		w.blame("a web socket: %s", e.URL)
	case *network.EventRequestWillBeSent:
		if e.Type != network.ResourceTypeEventSource { // which has no end
			w.open[e.RequestID] = e.Request.URL
		}
		w.request(e.Request.URL)
	case *page.EventFrameNavigated:
		if e.Frame.ParentID == "" {
			clear(w.open) // of the document before nothing more is heard
		}
	case *network.EventLoadingFinished:
		delete(w.open, e.RequestID)
	case *network.EventLoadingFailed:
		delete(w.open, e.RequestID)
	}
}

// request notes who was asked. data: and blob: are the page itself.
func (w *witness) request(address string) {
	u, err := url.Parse(address)
	if err != nil {
		w.blame("a request to %q", address)
		return
	}
	if u.Scheme == "data" || u.Scheme == "blob" {
		return
	}
	w.sent++
	if u.Host != w.host || u.Scheme != "http" {
		w.blame("a request to another host: %s", address)
	}
}

func (w *witness) blame(format string, args ...any) {
	fault := fmt.Sprintf(format, args...)
	if !slices.ContainsFunc(w.excused, func(words string) bool { return strings.Contains(fault, words) }) {
		w.faults = append(w.faults, fault)
	}
}

// pardon forgets the faults so far that have words in them, and tells whether there were any.
func (w *witness) pardon(words string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.faults)
	w.faults = slices.DeleteFunc(w.faults, func(f string) bool { return strings.Contains(f, words) })
	return before > len(w.faults)
}

// excuse lets faults with these words in them not count, whenever they come; "" is all of them.
func (w *witness) excuse(words string) {
	w.pardon(words)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.excused = append(w.excused, words)
}

// all returns the faults so far.
func (w *witness) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.faults)
}

// requests returns how many requests went out so far.
func (w *witness) requests() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}

// waiting returns the requests whose answer is not there yet.
func (w *witness) waiting() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.open))
}

func wordsOf(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		words = append(words, string(a.Value)+a.Description)
	}
	return strings.Join(words, " ")
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
