package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/router"
)

func (r *rig) decoded(body string, into any) {
	r.Helper()
	if err := json.Unmarshal([]byte(body), into); err != nil {
		r.Fatalf("%v: %s", err, body)
	}
}

func TestNoAnswerHoldsAKey(t *testing.T) {
	r := newRig(t, nil)
	session := r.signIn()
	for _, path := range []string{"/api/state", "/api/profiles", "/api/presets"} {
		if resp, body := r.ask(http.MethodGet, path, "", session); resp.StatusCode != http.StatusOK || strings.Contains(body, "canary") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
}

func TestProfilesSayWhatTheFileSaysAndHowTheyAre(t *testing.T) {
	r := newRig(t, nil)
	r.gateway.st.Profiles = []admin.ProfileStatus{{Name: "work", KeyMasked: "sk-c…6789", Pinned: true, Waits: "another host", State: "cooling", Keys: []admin.KeyStatus{}}}
	r.gateway.st.Budgets = []admin.BudgetStatus{{Name: "work", Scope: "profile:work"}, {Name: "all", Scope: "all"}}
	_, body := r.ask(http.MethodGet, "/api/profiles", "", r.signIn())
	var got profilesReply
	r.decoded(body, &got)
	if len(got.Profiles) != 1 || !got.Sealed || got.File.Path != "/home/u/profiles.yaml" {
		t.Fatalf("%s", body)
	}
	if p := got.Profiles[0]; !p.Active || p.KeyMasked != "sk-c…6789" || !p.Pinned || p.Waits != "another host" || p.State != "cooling" || len(p.Budgets) != 1 || p.Origin != "http://127.0.0.1:9" {
		t.Errorf("%s", body)
	}
}

func TestTheSwitchIsTheOneOfTheCommandLine(t *testing.T) {
	r := newRig(t, nil)
	session := r.signIn()
	resp, body := r.ask(http.MethodPost, "/api/use", `{"name":"kimi"}`, session)
	var v admin.Verdict
	if r.decoded(body, &v); resp.StatusCode != http.StatusOK || !v.OK || v.Active != "kimi" || !slices.Equal(r.gateway.used, []string{"kimi"}) {
		t.Errorf("%d %s, used %v", resp.StatusCode, body, r.gateway.used)
	}
	if resp, body := r.ask(http.MethodPost, "/api/use", `{"name":"nobody"}`, session); resp.StatusCode != http.StatusNotFound || !strings.Contains(body, `"not_found"`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// A key that waits to be touched holds up the swap, and the limits of the port must not end it.
func TestASwapMayTakeLongerThanReadingARequest(t *testing.T) {
	r := newRig(t, nil)
	r.gateway.slow = readTimeout + readTimeout/2
	if resp, body := r.ask(http.MethodPost, "/api/use", `{"name":"kimi"}`, r.signIn()); resp.StatusCode != http.StatusOK {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestWhatIsOpenedIsNeverUpToThePage(t *testing.T) {
	r := newRig(t, nil)
	session := r.signIn()
	for _, body := range []string{`{"path":"/etc/passwd"}`, `{"command":"sh"}`} {
		if resp, _ := r.ask(http.MethodPost, "/api/open", body, session); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", body, resp.StatusCode)
		}
	}
	resp, body := r.ask(http.MethodPost, "/api/open", `{}`, session)
	if resp.StatusCode != http.StatusOK || !slices.Equal(r.opened, []string{"/home/u/profiles.yaml"}) || !strings.Contains(body, `"opened":true`) {
		t.Errorf("%d %s, opened %v", resp.StatusCode, body, r.opened)
	}
	failing := newRig(t, func(o *Options) { o.Open = func(context.Context, string) error { return errNoDesktop } })
	if _, body := failing.ask(http.MethodPost, "/api/open", `{}`, failing.signIn()); !strings.Contains(body, `"opened":false,"command":"prism edit"`) {
		t.Errorf("%s", body)
	}
}

func TestAnEditorIsChosenThatSomebodySees(t *testing.T) {
	for _, c := range []struct {
		name, platform string
		env            map[string]string
		want           string
	}{
		{"a service", "linux", map[string]string{"EDITOR": "code"}, "-"},
		{"a desktop", "linux", map[string]string{"DISPLAY": ":0", "EDITOR": "vim"}, "xdg-open|/a b;c"},
		{"a window of its own", "linux", map[string]string{"WAYLAND_DISPLAY": "w", "VISUAL": "/usr/bin/code --wait", "EDITOR": "vim"}, "/usr/bin/code|/a b;c"},
		{"a Mac", "darwin", nil, "open|-t|/a b;c"},
		{"Windows", "windows", map[string]string{"EDITOR": `C:\x\Code.exe -n`}, `C:\x\Code.exe|-n|/a b;c`},
	} {
		got, err := editorCommand(c.platform, func(k string) string { return c.env[k] }, "/a b;c")
		if want := strings.Split(c.want, "|"); (c.want == "-") != errors.Is(err, errNoDesktop) || c.want != "-" && !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

// What is a child of a service lives in its sandbox and dies with it.
func TestAnEditorIsNoChildOfAService(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want bool
	}{
		"the service itself":              {map[string]string{"INVOCATION_ID": "a", "SYSTEMD_EXEC_PID": "7"}, true},
		"one of an older systemd":         {map[string]string{"INVOCATION_ID": "a"}, true},
		"a shell in a terminal's service": {map[string]string{"INVOCATION_ID": "a", "SYSTEMD_EXEC_PID": "8"}, false},
		"a shell":                         {nil, false},
		"what is left of something else":  {map[string]string{"SYSTEMD_EXEC_PID": "7"}, false},
	} {
		if got := inService(func(k string) string { return c.env[k] }, 7); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	want := []string{"systemd-run", "--user", "--quiet", "--collect", "--property=KillMode=process", "--", "xdg-open", "/a $$b;c"}
	if got := outside([]string{"xdg-open", "/a $b;c"}); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestASnippetIsAcceptedWhereItIsPasted(t *testing.T) {
	r := newRig(t, nil)
	session := r.signIn()
	for _, preset := range config.Presets() {
		q := snippetRequest{Preset: preset.Name, Name: "new"}
		if preset.NeedsURL() {
			q.BaseURL = "https://bedrock-runtime.us-east-1.amazonaws.com"
		}
		if preset.NeedsModel() {
			q.Model = "some-model"
		}
		text, _ := json.Marshal(q)
		resp, body := r.ask(http.MethodPost, "/api/snippet", string(text), session)
		var got snippetReply
		if r.decoded(body, &got); resp.StatusCode != http.StatusOK || !strings.HasPrefix(got.YAML, "  - name: new\n") || !strings.HasPrefix(got.Command, "prism profiles add --preset "+preset.Name+" --name new") {
			t.Errorf("%s: %d %s", preset.Name, resp.StatusCode, body)
		}
		if q.BaseURL == "" && len(got.Problems) > 0 {
			t.Errorf("%s: %+v\n%s", preset.Name, got.Problems, got.YAML)
		}
	}
}

func TestASnippetThatLeadsToPrismItselfIsNotTaken(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Own = []string{"127.0.0.1:3000"} })
	_, body := r.ask(http.MethodPost, "/api/snippet", `{"preset":"moonshot","base_url":"http://127.0.0.1:3000"}`, r.signIn())
	var got snippetReply
	if r.decoded(body, &got); len(got.Problems) != 1 || !strings.Contains(got.Problems[0].Message, "prism itself listens on") {
		t.Errorf("%s", body)
	}
}

func TestASnippetOfHostileWordsStaysOneProfile(t *testing.T) {
	r := newRig(t, nil)
	session := r.signIn()
	for _, word := range []string{"a\nactive: evil", "x: y", "- z", "#", "'", `"`, "$(reboot)", "`id`", "<script>", "\x1b[2J", "a b", "&x", "*x", "!!binary", "\u202e", "{}", "[", "null", "~"} {
		text, _ := json.Marshal(snippetRequest{Preset: "moonshot", Name: word, Model: word, BaseURL: "https://h.example/" + word})
		_, body := r.ask(http.MethodPost, "/api/snippet", string(text), session)
		var got snippetReply
		r.decoded(body, &got)
		var f map[string][]map[string]any
		if err := yaml.Unmarshal([]byte("profiles:\n"+got.YAML), &f); err != nil || len(f) != 1 || len(f["profiles"]) != 1 || f["profiles"][0]["name"] != word || f["profiles"][0]["model"] != word {
			t.Errorf("%q became, %v,\n%s", word, err, got.YAML)
		}
		if rest := strings.ReplaceAll(got.Command, shellWord(word), ""); strings.ContainsAny(strings.ReplaceAll(rest, shellWord("https://h.example/"+word), ""), "$`;&<>\n") {
			t.Errorf("%q is not one word of %s", word, got.Command)
		}
	}
	if resp, _ := r.ask(http.MethodPost, "/api/snippet", `{"preset":"nobody"}`, session); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown preset: %d", resp.StatusCode)
	}
	_, body := r.ask(http.MethodPost, "/api/snippet", `{"preset":"moonshot","name":"work"}`, session)
	if !strings.Contains(body, "already") {
		t.Errorf("a name that is taken: %s", body)
	}
}

// provider answers a trial with a status and, unless it is well, with the key; it notes what it was asked.
func provider(t *testing.T, status int) (url string, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		*asked = append(*asked, q.Method+" "+q.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if status == http.StatusOK {
			_, _ = io.WriteString(w, `{"input_tokens":8}`)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"message": "<b>no " + q.Header.Get("X-Api-Key") + "</b>"}})
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// trying is a rig with one profile whose keys nobody is shown.
func trying(t *testing.T, p config.Profile) *rig {
	t.Helper()
	profiles := &config.Profiles{Profiles: []config.Profile{p}}
	secrets := router.NewRedactor()
	secrets.Learn(profiles)
	return newRig(t, func(o *Options) {
		o.Profiles = func() *config.Profiles { return profiles }
		o.Redact = func(b []byte) []byte { return []byte(secrets.Redact(string(b))) }
	})
}

func TestATrialTellsWhetherTheKeyIsTaken(t *testing.T) {
	const count, message = "POST /v1/messages/count_tokens", "POST /v1/messages"
	for status, want := range map[int]struct {
		ok    bool
		step  string
		text  string
		asked []string
	}{
		200: {true, "answer", "answers, and takes the key", []string{count}},
		401: {false, "auth", "REFUSES the key", []string{count, count}}, // in both ways in which a key travels
		404: {false, "model", "answers 404", []string{count, message}},
		529: {false, "answer", "answers 529", []string{count, message}},
	} {
		url, asked := provider(t, status)
		r := trying(t, config.Profile{Name: "work", BaseURL: url, Auth: config.AuthXAPIKey, Dialect: config.DialectAnthropic, APIKey: config.NewSecret("sk-canary-0123456789")})
		resp, body := r.ask(http.MethodPost, "/api/test", `{"profile":"work"}`, r.signIn())
		var got trialReply
		r.decoded(body, &got)
		if resp.StatusCode != http.StatusOK || got.OK != want.ok || got.Step != want.step || !strings.Contains(got.Verdict, want.text) || (got.Error == nil) != want.ok || got.OK != (got.Fix == "") {
			t.Errorf("%d: %s", status, body)
		}
		if len(got.Steps) != 2 || got.Steps[0].Name != "connect" || got.Steps[1].Name != want.step || got.Steps[1].OK != want.ok || got.Status != status {
			t.Errorf("%d: the steps are %+v", status, got.Steps)
		}
		if strings.Contains(body, "canary") {
			t.Errorf("%d shows the key: %s", status, body)
		}
		if !slices.Equal(*asked, want.asked) {
			t.Errorf("%d: asked %v", status, *asked)
		}
		if resp, _ := r.ask(http.MethodPost, "/api/test", `{"profile":"nobody"}`, r.signIn()); resp.StatusCode != http.StatusNotFound {
			t.Errorf("a profile that does not exist: %d", resp.StatusCode)
		}
	}
}

func TestATrialOfSeveralKeysNamesTheOneThatIsRefused(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("X-Api-Key") != "sk-canary-0123456789" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"input_tokens":8}`)
	}))
	defer s.Close()
	r := trying(t, config.Profile{Name: "work", BaseURL: s.URL, Auth: config.AuthXAPIKey, Dialect: config.DialectAnthropic, Keys: []config.Key{
		{Name: "good", Secret: config.NewSecret("sk-canary-0123456789")}, {Name: "bad", Secret: config.NewSecret("sk-canary-9876543210")},
	}})
	_, body := r.ask(http.MethodPost, "/api/test", `{"profile":"work"}`, r.signIn())
	var got trialReply
	r.decoded(body, &got)
	if got.OK || !strings.HasPrefix(got.Verdict, "bad: REFUSES the key") || len(got.Steps) != 4 || got.Steps[1].Key != "good" || !got.Steps[1].OK || got.Steps[3].Key != "bad" || got.Steps[3].OK {
		t.Errorf("%s", body)
	}
}

func TestATrialOfNobodySaysWhichStepFailed(t *testing.T) {
	r := newRig(t, nil) // its profile leads to port 9, where nobody listens
	_, body := r.ask(http.MethodPost, "/api/test", `{"profile":"work"}`, r.signIn())
	var got trialReply
	if r.decoded(body, &got); got.OK || len(got.Steps) != 1 || got.Steps[0].Name != "connect" || got.Steps[0].OK || got.Error == nil {
		t.Errorf("%s", body)
	}
}
