//go:build e2e

package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// screen is the size of a window, in CSS pixels.
type screen struct{ width, height int }

// Screens that the pages must work on: one that stands on a desk, and the smallest that is carried.
func wide() screen   { return screen{1280, 900} }
func narrow() screen { return screen{360, 740} }

// tab is a page that is looked at.
type tab struct {
	*witness
	t    *testing.T
	ctx  context.Context
	base string // URL of the dashboard
}

// open makes a tab for the dashboard at base. What its witness saw fails the test when the test ends.
func (c *chrome) open(t *testing.T, base string) *tab {
	t.Helper()
	ctx, end := chromedp.NewContext(c.ctx)
	b := &tab{witness: newWitness(strings.TrimPrefix(base, "http://")), t: t, ctx: ctx, base: base}
	if err := chromedp.Listen(ctx, func(event any) {
		b.see(event)
		if _, asks := event.(*page.EventJavascriptDialogOpening); asks { // the page would wait for an answer
			go chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{}) //nolint:errcheck // the tab may be gone
		}
	}); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	call(b, runtime.Enable, cdp.Empty{})
	call(b, log.Enable, cdp.Empty{})
	call(b, audits.Enable, cdp.Empty{})
	call(b, network.Enable, network.EnableParams{})
	call(b, page.Enable, page.EnableParams{})
	call(b, runtime.AddBinding, runtime.AddBindingParams{Name: reporter})
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: testimony})
	b.size(wide())
	t.Cleanup(func() {
		for _, f := range b.all() {
			t.Errorf("the witness saw: %.600s", f)
		}
		end()
	})
	return b
}

// call sends a command of the protocol.
func call[P, R any](b *tab, cmd cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, limit)
	defer stop()
	r, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		b.t.Fatalf("%s: %v", cmd.Method, err)
	}
	return r
}

// do runs steps.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, limit)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v\n%s", err, b.state())
	}
}

// js evaluates an expression, a promise included.
func js[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, limit)
	defer stop()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", expression, err, b.state())
	}
	return v
}

// size makes the window as large as s.
func (b *tab) size(s screen) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: int64(s.width), Height: int64(s.height), DeviceScaleFactor: 1})
}

// prefer makes the system of the person one with these preferences, such as prefers-color-scheme, dark.
func (b *tab) prefer(pairs ...string) {
	b.t.Helper()
	var p emulation.SetEmulatedMediaParams
	for i := 0; i+1 < len(pairs); i += 2 {
		p.Features = append(p.Features, &emulation.MediaFeature{Name: pairs[i], Value: pairs[i+1]})
	}
	call(b, emulation.SetEmulatedMedia, p)
}

// visit goes to a path of the dashboard and waits until the page stands.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base + path))
	b.settled()
}

// settled waits until nothing on the page is being loaded.
func (b *tab) settled() {
	b.t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		b.until("the page stands", settled)
		if len(b.waiting()) == 0 && js[bool](b, "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(Boolean("+settled+")))))") && len(b.waiting()) == 0 {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("the page does not come to rest; it waits for %q\n%s", b.waiting(), b.state())
		}
	}
}

const settled = `document.querySelector("#app > *") !== null && document.querySelector("main") !== null &&
	document.querySelector("main > *") !== null && document.querySelector("main .loading, main [aria-busy=true]") === null`

// until waits for an expression to be true.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if js[bool](b, "Boolean("+expression+")") {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("waited in vain until %s\n%s", what, b.state())
		}
	}
}

// hears waits for a fault with these words in it, and pardons it: the browser tells some of them later than
// the page goes on.
func (b *tab) hears(words string) {
	b.t.Helper()
	for deadline := time.Now().Add(limit); !b.pardon(words); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("nobody saw %s:\n%s", words, strings.Join(b.all(), "\n"))
		}
	}
}

// shows waits for words on the page.
func (b *tab) shows(words string) {
	b.t.Helper()
	b.until("the page says "+words, fmt.Sprintf("document.body.innerText.includes(%s)", mustJSON(words)))
}

// find returns the one element that assistive technology knows under this role and name; it waits
// for it to come.
func (b *tab) find(role, name string) cdp.BackendNodeID {
	b.t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		found := b.named(role, name)
		if len(found) > 0 {
			return found[0]
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("there is no %s named %q\n%s", role, name, b.state())
		}
	}
}

// named returns the elements with this role and name that are not hidden from assistive technology.
func (b *tab) named(role, name string) (found []cdp.BackendNodeID) {
	b.t.Helper()
	document := call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: "document"})
	all := call(b, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: document.Result.ObjectID, Role: role})
	for _, n := range all.Nodes {
		var called string
		if n.Name != nil && json.Unmarshal(n.Name.Value, &called) == nil && strings.TrimSpace(called) == name && !n.Ignored && n.BackendDOMNodeID != 0 {
			found = append(found, n.BackendDOMNodeID)
		}
	}
	return found
}

// click presses the mouse on the element with this role and name.
func (b *tab) click(role, name string) {
	b.t.Helper()
	object := call(b, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: b.find(role, name)}).Object.ObjectID
	b.aim(role+" "+name, func() *runtime.RemoteObject {
		return call(b, runtime.CallFunctionOn, runtime.CallFunctionOnParams{FunctionDeclaration: "function() { return (" + spot + ")(this); }", ObjectID: object, ReturnByValue: new(true), AwaitPromise: new(true)}).Result
	})
}

// point presses the mouse on the element that an expression gives.
func (b *tab) point(expression string) {
	b.t.Helper()
	b.aim(expression, func() *runtime.RemoteObject {
		return call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: "(" + spot + ")(" + expression + ")", ReturnByValue: new(true), AwaitPromise: new(true)}).Result
	})
}

// spot finds the middle of an element that stands still and that nothing covers; null while there is none.
const spot = `async (e) => {
	if (!e) return null;
	e.scrollIntoView({ block: "nearest" });
	const box = () => e.getBoundingClientRect();
	const before = box();
	await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
	const now = box();
	if (!now.width || now.x !== before.x || now.y !== before.y) return null;
	const at = [now.x + now.width / 2, now.y + now.height / 2];
	const top = document.elementFromPoint(...at);
	return top && e.contains(top) ? at : null;
}`

// aim presses the mouse where find says, as soon as it says so.
func (b *tab) aim(what string, find func() *runtime.RemoteObject) {
	b.t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		var at []float64
		if err := json.Unmarshal(find().Value, &at); err == nil && len(at) == 2 {
			b.do(chromedp.MouseClickXY(at[0], at[1]))
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%s cannot be pressed\n%s", what, b.state())
		}
	}
}

// press types keys; mod is held meanwhile. A key and what it writes are one event, as from a keyboard: a
// page that takes the key keeps it from being written.
func (b *tab) press(keys string, mod ...chromedp.Modifier) {
	b.t.Helper()
	for _, r := range keys {
		var text string
		events := kb.Encode(r)
		for _, e := range events {
			if e.Type == kb.KeyChar && len(mod) == 0 {
				text = e.Text
			}
		}
		for _, e := range events {
			chromedp.KeyModifiers(mod...)(e)
			if e.Type == kb.KeyChar {
				continue
			}
			if e.Type != kb.KeyUp {
				e.Type, e.Text, e.UnmodifiedText = input.DispatchKeyEventTypeKeyDown, text, text
			}
			call(b, input.DispatchKeyEvent, *e)
		}
	}
}

// state says where the tab is and what can be read there, for messages.
func (b *tab) state() string {
	ctx, stop := context.WithTimeout(b.ctx, limit)
	defer stop()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href.replace(/#.*/, "") + "\n" + (document.body?.innerText ?? "").slice(0, 3000)`))
	if err != nil {
		return err.Error()
	}
	return text + "\n" + strings.Join(b.all(), "\n")
}
