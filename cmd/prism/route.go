package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/proxy"
	"prism/internal/router"
	"prism/internal/stream"
	"prism/internal/upstream/cloudauth"
)

// routeOptions is a request as the flags describe it.
type routeOptions struct {
	model, path, session, agent, profile string
	headers, tags                        []string
	prompt                               int64
	at, body                             string
}

// Headers in which a request says what rules ask for.
const (
	headerSession = "X-Claude-Code-Session-Id"
	headerAgent   = "X-Claude-Code-Agent-Id"
	headerTags    = "X-Prism-Tags"
	headerProfile = "X-Prism-Profile"
)

func newRoute(a *app) *cobra.Command {
	var o routeOptions
	cmd := &cobra.Command{
		Use:   "route",
		Short: "Explain which profile would answer a request, and why",
		Long: `Route holds a request that the flags describe against profiles.yaml, without sending it: which
rule decides and why those before it do not, the model that the provider is asked for, the
fallback chain, and the keys. The health of each profile is the gateway's, if it runs.

A chain is the profile's own list: the fallbacks of a fallback do not count. What the gateway
remembers of a session, the key it keeps to and a fallback that has just served it, is not asked.`,
		Example: `  prism route --model claude-haiku-5
  prism route --model claude-opus-5 --agent a1b2c3 --at 23:30
  prism route --body request.json --header 'X-Team: red'`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.route(cmd, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "", "the `name` of the model that the client asks for")
	f.StringVar(&o.path, "path", "/v1/messages", "the path of the request; /p/PROFILE/v1/messages names a profile")
	f.StringArrayVar(&o.headers, "header", nil, "a header of the request, as `'Name: value'`; may be repeated")
	f.StringVar(&o.session, "session", "", "the `id` of the client's session")
	f.StringVar(&o.agent, "agent", "", "the `id` of the sub-agent that asks; main is the main conversation")
	f.StringArrayVar(&o.tags, "tag", nil, "a tag, as `key=value`; may be repeated")
	f.Int64Var(&o.prompt, "prompt-tokens", 0, "the size of the prompt in tokens")
	f.StringVar(&o.body, "body", "", "a `file` with the body of a request, - for stdin: its model, session and estimated prompt")
	f.StringVar(&o.at, "at", "", "the `time` of the request: 23:30, 2026-11-27 23:30, or RFC 3339 (default now)")
	f.StringVar(&o.profile, "profile", "", "the profile that the request names with "+headerProfile)
	return cmd
}

func (a *app) route(cmd *cobra.Command, o routeOptions) error {
	q, err := a.query(o)
	if err != nil {
		return err
	}
	r, err := a.room(cmd)
	if err != nil {
		return err
	}
	if err := a.readBody(&q, o, r.settings.MaxBody); err != nil {
		return err
	}
	f, err := a.valid(cmd.Context(), r)
	if err != nil {
		return err
	}
	active, from := f.active(r)
	rt := router.New(router.Options{Clouds: cloudauth.New(cloudauth.Options{}).Of})
	defer rt.Close()
	table, err := rt.Compile(router.Source{Profiles: f.Profiles, Active: active})
	if err != nil {
		return &admin.Error{Code: codeConfigInvalid, Message: err.Error(), Fix: "prism check", At: &admin.Position{File: f.Path}}
	}
	e, err := table.Explain(&q)
	if errors.Is(err, router.ErrNoProfile) {
		return noProfile(firstOf(q.Prefix, q.Named))
	}
	if err != nil {
		return err
	}
	st, err := r.client.Status(cmd.Context())
	if err != nil && !errors.Is(err, admin.ErrNotRunning) {
		return err
	}
	if st.Running && st.File.Hash != f.Hash {
		a.note("the gateway goes by another text than the one on the disk: generation %d, see prism status", st.Generation)
	}
	x := &explained{Explanation: e, query: &q, file: f, activeFrom: from, status: &st}
	x.hops = a.chain(x)
	return a.show(a.routeView(x))
}

// query is the request that the flags describe, as the proxy would see it before its body.
func (a *app) query(o routeOptions) (router.Query, error) {
	h, err := o.header()
	if err != nil {
		return router.Query{}, err
	}
	q := router.Query{
		Header: h, Named: h.Get(headerProfile), Session: h.Get(headerSession), Agent: h.Get(headerAgent),
		Tags: proxy.ParseTags(h.Get(headerTags)), Path: o.path,
	}
	if rest, ok := strings.CutPrefix(o.path, "/p/"); ok {
		q.Prefix, q.Path, ok = strings.Cut(rest, "/")
		q.Path = "/" + q.Path
		if !ok || q.Prefix == "" {
			return q, usagef("--path /p/PROFILE/v1/messages", "the path %q names no profile", o.path)
		}
	}
	if !strings.HasPrefix(q.Path, "/v1/") {
		return q, usagef("--path /v1/messages", "only paths under /v1/ are routed, not %q", o.path)
	}
	if o.prompt < 0 {
		return q, usagef("--prompt-tokens 50000", "a prompt has no %d tokens", o.prompt)
	}
	q.Now, err = a.moment(o.at)
	return q, err
}

// fieldName is what a header may be called.
var fieldName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// header builds the headers of the request; the flags for single ones win.
func (o routeOptions) header() (http.Header, error) {
	h := make(http.Header)
	for _, line := range o.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !fieldName.MatchString(name) {
			return nil, usagef("--header 'X-Team: red'", "%q is not a header", line)
		}
		h.Add(name, strings.TrimSpace(value))
	}
	for _, tag := range o.tags {
		if key, _, ok := strings.Cut(tag, "="); !ok || key == "" || strings.Contains(tag, ",") {
			return nil, usagef("--tag team=blue", "%q is not a tag", tag)
		}
	}
	if len(o.tags) > 0 {
		h.Set(headerTags, strings.Join(o.tags, ","))
	}
	for name, value := range map[string]string{headerSession: o.session, headerAgent: o.agent, headerProfile: o.profile} {
		if value != "" {
			h.Set(name, value)
		}
	}
	if o.agent == config.MainAgent {
		h.Del(headerAgent)
	}
	return h, nil
}

// moment reads the time of a request; a time of the day is today's.
func (a *app) moment(text string) (time.Time, error) {
	now := a.now()
	if text == "" {
		return now, nil
	}
	for _, layout := range []string{"2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.In(now.Location()), nil
	}
	if t, err := time.Parse("15:04", text); err == nil {
		return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location()), nil
	}
	return now, usagef("--at 23:30, --at '2026-11-27 23:30'", "%q is not a time", text)
}

// readBody completes q with what the gateway would read of the body; what flags have said stays. Of
// other paths it reads nothing: they have no model, no prompt, and no session but that of the header.
func (a *app) readBody(q *router.Query, o routeOptions, limit int64) error {
	if !modelled(q.Path) {
		if o.model != "" || o.prompt > 0 || o.body != "" {
			a.note("the gateway reads only what is sent to /v1/messages: --model, --prompt-tokens and --body do not count for %s", q.Path)
		}
		return nil
	}
	q.Model, q.PromptTokens = o.model, o.prompt
	if o.body == "" {
		return nil
	}
	in := a.in
	if o.body != "-" {
		f, err := os.Open(o.body)
		if err != nil {
			return notFound("ls -l "+o.body, "the body cannot be read: %v", err)
		}
		defer f.Close()
		in = f
	}
	body, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return err
	}
	if int64(len(body)) > limit {
		return usagef("max_body: in prism.yaml", "%s has more than the %d bytes that max_body allows: the gateway answers it with 413", o.body, limit)
	}
	req, err := stream.Peek(body)
	if err != nil {
		return usagef("see what the client sends: it must be one JSON object", "%s is not the body of a request", o.body)
	}
	q.Model = firstOf(q.Model, req.Model)
	q.Session = firstOf(q.Session, stream.SessionFromUserID(req.UserID))
	if q.PromptTokens == 0 {
		q.PromptTokens = router.PromptTokens(body)
	}
	return nil
}
