package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/pricing"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSettingsAreReadAsTheClientReadsThem(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	places := Places{Home: home, Dir: dir, Managed: filepath.Join(home, "managed.json")}
	write(t, filepath.Join(home, ".claude", "settings.json"), `{"env": {"ANTHROPIC_BASE_URL": "https://home.example.com", "ANTHROPIC_AUTH_TOKEN": "home-0123456789", "ANTHROPIC_MODEL": "m-home"}}`)
	write(t, filepath.Join(dir, ".claude", "settings.json"), `{"env": {"ANTHROPIC_MODEL": "m-project"}}`)
	plan, err := ReadFound(t.Context(), ClaudeSettings, places, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Profiles) != 1 || plan.Profiles[0].BaseURL != "https://home.example.com" || plan.Profiles[0].Models[0].Use != "m-project" || len(plan.Files) != 2 {
		t.Errorf("%+v", plan)
	}
}

// TestAProjectDoesNotGetTheKeyOfItsUser: a repository that was cloned names an address.
func TestAProjectDoesNotGetTheKeyOfItsUser(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	write(t, filepath.Join(home, ".claude", "settings.json"), `{"env": {"ANTHROPIC_API_KEY": "sk-home-0123456789"}}`)
	write(t, filepath.Join(dir, ".claude", "settings.json"), `{"env": {"ANTHROPIC_BASE_URL": "https://evil.example.com"}}`)
	plan, err := ReadFound(t.Context(), ClaudeSettings, Places{Home: home, Dir: dir, Managed: "/nowhere"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Profiles) != 0 || len(plan.Left) != 1 || strings.Contains(plan.Left[0].Why, "sk-home") {
		t.Errorf("%+v", plan)
	}
}

func TestWhereThereIsNothingTheErrorSaysSo(t *testing.T) {
	for _, source := range Sources() {
		if _, err := ReadFound(t.Context(), source, Places{Home: t.TempDir(), Managed: "/nowhere"}, Options{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// TestEverySourceRefusesWhatIsNotItsOwn reads the files of all the others, and worse, with each source.
func TestEverySourceRefusesWhatIsNotItsOwn(t *testing.T) {
	dir := t.TempDir()
	files := []string{
		write(t, filepath.Join(dir, "empty"), ""),
		write(t, filepath.Join(dir, "words"), "hello world\n"),
		write(t, filepath.Join(dir, "list.json"), "[1, 2]"),
		write(t, filepath.Join(dir, "other.json"), `{"Providers": 5, "env": "x", "claude": []}`),
		write(t, filepath.Join(dir, "binary"), "\x00\x01\xff\xfe"),
		write(t, filepath.Join(dir, "damaged.db"), "SQLite format 3\x00"+strings.Repeat("x", 3000)),
		dir,
	}
	for _, source := range Sources() {
		for _, file := range files {
			plan, err := Read(t.Context(), source, file, Options{})
			if err == nil && len(plan.Profiles) > 0 {
				t.Errorf("%s took %s: %+v", source, filepath.Base(file), plan)
			}
		}
	}
}

func TestNoWordOfAPlanRepeatsAKey(t *testing.T) {
	const key = "plainwordsthatlooklikenothing"
	path := write(t, filepath.Join(t.TempDir(), "c.json"), `{"gateway": {}, "Providers": [
		{"name": "before `+key+`", "type": "anthropic_messages", "baseUrl": "https://w.example.com", "apiKey": "sk-w-0123456789", "models": ["`+key+`"],
			"modelMetadata": {"`+key+`": {"pricing": {"inputUsdPerMillionTokens": 1, "outputUsdPerMillionTokens": 1}}}},
		{"name": "elsewhere", "type": "anthropic_messages", "baseUrl": "https://z.example.com/`+key+`", "apiKey": "sk-z-0123456789"},
		{"name": "a `+key+`", "type": "anthropic_messages", "baseUrl": "https://x.example.com/`+key+`/v1/messages", "apiKey": "`+key+`", "models": ["`+key+`", "b"]},
		{"name": "b `+key+`", "type": "anthropic_messages", "baseUrl": "https://y.example.com", "apiKey": "`+key+`", "models": ["`+key+`", "b"]}],
		"Router": {"`+key+`": "x"}}`)
	plan, err := Read(t.Context(), CCR, path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range plan.Left {
		if strings.Contains(l.What+l.Why, key) {
			t.Errorf("%+v", l)
		}
	}
	for _, p := range plan.Profiles {
		if strings.Contains(fmt.Sprint(p.Name, p.Title, p.BaseURL, p.Models, p.Fallback), key) {
			t.Errorf("%+v", p)
		}
	}
	if text := fmt.Sprint(plan.Rules, plan.Prices, plan.Active); strings.Contains(text, key) {
		t.Error(text)
	}
}

func TestASecondImportAddsNothing(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "c.json"), `{"Providers": [
		{"name": "same", "api_base_url": "https://x.example.com/v1/messages", "api_key": "sk-a-0123456789", "models": ["m"]},
		{"name": "same", "api_base_url": "https://x.example.com/v1/messages", "api_key": "sk-a-0123456789", "models": ["m"]},
		{"name": "work", "api_base_url": "https://y.example.com/v1/messages", "api_key": "sk-b-0123456789", "models": ["m"]}],
		"Router": {"default": "same,m", "background": "work,m"}, "fallback": {"default": ["work,m"]}, "APIKEY": "token-0123456789abcdef"}`)
	src := []byte("active: work\nprofiles:\n  - name: work\n    base_url: https://api.anthropic.com\n    auth: passthrough\n")
	for n := range 3 {
		plan, err := Read(t.Context(), CCR, path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		have, problems := config.ParseProfiles(src, config.ParseOptions{AllowPlaintext: true})
		if have == nil {
			t.Fatal(problems)
		}
		plan.Fit(have, false)
		out, err := plan.Apply(src, false)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && string(out) != string(src) {
			t.Errorf("import %d changed the file to\n%s", n+1, out)
		}
		src = out
	}
}

// TestAHugeSourceIsNotReadToItsEnd counts what is done for files of many parts, whether they are refused or
// not.
func TestAHugeSourceIsNotReadToItsEnd(t *testing.T) {
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, strings.ReplaceAll(format, "#", "%[1]d")+",", i)
		}
		return b.String()
	}
	tests := []struct{ name, source, text string }{
		{"profiles", CCR, `{"Providers": [` + many(5000, `{"name": "p#", "api_base_url": "https://h#.example.com/v1/messages", "api_key": "$KEY_#", "models": ["m", "n"], "transformer": {"use": ["a", "b"]}}`) +
			`5, 6], "Router": {"default": "p0,m"}, "fallback": {"default": ["` + strings.Repeat(`p1,m", "`, 5000) + `p2,m"]}}`},
		{"refused profiles", CCR, `{"Providers": [` + many(20000, `{"name": "p#", "api_base_url": "http://h#.example.com/v1/messages", "api_key": "$KEY_#"}`) + `]}`},
		{"models", CCR, `{"gateway": {}, "Providers": [{"name": "p", "type": "anthropic_messages", "baseUrl": "https://h.example.com", "credentials": [` + many(500, `{"name": "k#", "apiKey": "$KEY_#"}`) + `],
			"modelMetadata": {` + many(50000, `"m#": {}`) + `}}]}`},
		{"keys with models", CLIProxyAPI, `openai-compatibility: [{name: p, base-url: "https://h.example.com", api-keys: [` + many(500, `"sk-#-0123456789"`) + `], models: [` + many(5000, `{name: "n#", alias: "a#"}`) + `]}]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			opt := Options{Getenv: func(string) string { asked++; return fmt.Sprintf("sk-%d-0123456789", asked) }}
			plan, err := Read(t.Context(), tt.source, write(t, filepath.Join(t.TempDir(), "f"), tt.text), opt)
			if err != nil {
				t.Fatal(err)
			}
			out, err := plan.Apply([]byte(ownFile), false)
			if err != nil {
				t.Fatal(err)
			}
			if none := tt.name == "refused profiles"; none != (len(plan.Profiles) == 0) {
				t.Errorf("%d profiles", len(plan.Profiles))
			}
			if len(plan.Profiles) > maxProfiles || len(plan.Left) > maxLeft+1 || asked > maxDrafts || len(out) > 2*maxText {
				t.Errorf("%d profiles, %d left out, %d variables, %d bytes", len(plan.Profiles), len(plan.Left), asked, len(out))
			}
			for _, p := range plan.Profiles {
				if len(p.Models) > maxModels {
					t.Errorf("%s has %d models", p.Name, len(p.Models))
				}
			}
		})
	}
}

// FuzzSources: any file is refused or gives profiles that prism takes, with every source.
func FuzzSources(f *testing.F) {
	f.Add("ccr", `{"Providers": [{"name": "a", "api_base_url": "https://x.example.com/v1/messages", "api_key": "k", "models": ["m"]}]}`)
	f.Add("litellm", "model_list: [{model_name: a, litellm_params: {model: openai/x, api_base: 'http://127.0.0.1:1/v1'}}]")
	f.Add("cliproxyapi", "claude-api-key: [{api-key: k}]")
	f.Add("claude-settings", `{"env": {"ANTHROPIC_API_KEY": "k"}}`)
	f.Add("cc-switch", `INSERT INTO providers (id, app_type, name, settings_config) VALUES ('a','claude','b','{"env":{"ANTHROPIC_AUTH_TOKEN":"k"}}')`)
	f.Add("litellm", "model_list: [{model_name: a, litellm_params: {model: 'openai/foo[', api_base: 'http://127.0.0.1:1/v1', input_cost_per_token: 1e2, output_cost_per_token: 1}}]")
	f.Add("ccr", `{"gateway": {}, "Providers": [{"name": "a", "type": "openai", "baseUrl": "https://x.example.com/v1", "apiKey": "k", "modelMetadata": {"m[1m]\\*": {"pricing": {"inputUsdPerMillionTokens": 1, "outputUsdPerMillionTokens": 1}}}}]}`)
	f.Fuzz(func(t *testing.T, source, text string) {
		path := write(t, filepath.Join(t.TempDir(), "f"), text)
		plan, err := Read(context.Background(), source, path, Options{})
		if err != nil {
			return
		}
		src := []byte("profiles:\n  - name: own\n    base_url: https://api.anthropic.com\n    auth: passthrough\n")
		out, err := plan.Apply(src, false)
		if err != nil {
			return // too large for a file
		}
		read, problems := config.ParseProfiles(out, config.ParseOptions{AllowPlaintext: true, Active: "-"})
		if problems.Err() != nil && len(out) < 500_000 {
			t.Fatalf("%s\n%s", problems.Text(), out)
		}
		if read == nil {
			return
		}
		rows := make([]pricing.Row, len(read.Prices))
		for i := range rows {
			rows[i] = bookRow(&read.Prices[i])
		}
		if _, err := new(pricing.Book).With(rows); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for i := range plan.Prices {
			if model := ofPattern(plan.Prices[i].ModelMatch); !pricing.Matches(plan.Prices[i].ModelMatch, model) {
				t.Fatalf("%q does not fit %q", plan.Prices[i].ModelMatch, model)
			}
		}
	})
}
