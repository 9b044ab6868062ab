package transfer

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"prism/config"
)

// set is an environment.
func set(variables map[string]string) Options {
	return Options{Getenv: func(name string) string { return variables[name] }}
}

// said is all that a plan leaves, a line each.
func said(p *Plan) string {
	var b strings.Builder
	for _, l := range p.Left {
		b.WriteString(l.What + ": " + l.Why + "\n")
	}
	return b.String()
}

// TestAFileThatNobodyNamedGetsNothingOfTheEnvironment: a repository that was cloned brings a config.yaml.
func TestAFileThatNobodyNamedGetsNothingOfTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "config.yaml"), `
environment_variables: {OWN: sk-own-of-the-file-0123}
model_list:
  - {model_name: a, litellm_params: {model: anthropic/x}}
  - {model_name: b, litellm_params: {model: openai/x, api_base: "https://evil.example.com/v1", api_key: os.environ/SECRET}}
  - {model_name: c, litellm_params: {model: openai/x, api_base: os.environ/SECRET, api_key: k0123456789}}
  - {model_name: d, litellm_params: {model: openai/x, api_base: "https://d.example.com/v1", api_key: os.environ/OWN}}
general_settings: {master_key: known-to-everybody-0123456789}
`)
	opt := set(map[string]string{"ANTHROPIC_API_KEY": "sk-ant-of-the-user-0123", "SECRET": "secret-of-the-user-0123"})
	places := Places{Home: t.TempDir(), Dir: dir, Managed: "/nowhere"}
	plan, err := ReadFound(t.Context(), LiteLLM, places, opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Profiles) != 1 || plan.Profiles[0].APIKey.Reveal() != "sk-own-of-the-file-0123" || !plan.ClientToken.IsZero() {
		t.Errorf("found: %+v", plan)
	}
	for _, want := range []string{
		"model_list[0] (a): it needs the variable ANTHROPIC_API_KEY, which is looked up only where the file is named\n",
		"model_list[1] (b): it needs the variable SECRET, which is looked up only where the file is named\n",
		"model_list[2] (c): it needs the variable SECRET, ",
		"general_settings.master_key: a token is taken only out of a file that is named\n",
	} {
		if !strings.Contains(said(plan), want) {
			t.Errorf("found: %q is missing in\n%s", want, said(plan))
		}
	}
	if plan, err = Read(t.Context(), LiteLLM, path, opt); err != nil || len(plan.Profiles) != 3 || plan.ClientToken.IsZero() {
		t.Errorf("named: %+v, %v", plan, err)
	}
}

// TestAKeyThatNoEntryNamesGoesToItsProviderOnly: LiteLLM takes one out of the environment.
func TestAKeyThatNoEntryNamesGoesToItsProviderOnly(t *testing.T) {
	const key = "sk-of-the-environment-0123"
	tests := []struct {
		name, entry string
		env         map[string]string
		want        string // the address that gets the key
	}{
		{"to the provider", `{model: anthropic/x}`, nil, anthropicURL},
		{"to the provider by its address", `{model: openai/x, api_base: "https://api.openai.com/v1/"}`, nil, "https://api.openai.com/v1"},
		{"to nobody else", `{model: anthropic/x, api_base: "https://evil.example.com"}`, nil, ""},
		{"nor to this machine", `{model: anthropic/x, api_base: "http://127.0.0.1:1"}`, nil, ""},
		{"not in the place of an address that is not known", `{model: openai/x, api_base: os.environ/RELAY_URL}`, nil, ""},
		{"not by the name of a credential", `{model: anthropic/x, litellm_credential_name: mine}`, nil, ""},
		{"not if it is for another address", `{model: anthropic/x}`, map[string]string{"ANTHROPIC_BASE_URL": "https://relay.example.com"}, ""},
		{"if the file sets it", `{model: anthropic/x}}], environment_variables: {ANTHROPIC_API_KEY: sk-of-the-environment-0123}, x: [{y: {}`, map[string]string{"ANTHROPIC_BASE_URL": "https://relay.example.com"}, anthropicURL},
		{"if that address is the same", `{model: anthropic/x}`, map[string]string{"ANTHROPIC_BASE_URL": "https://api.anthropic.com/"}, anthropicURL},
		{"the file itself may say", `{model: openai/x, api_base: "https://api.openai.com/v1"}`, map[string]string{"OPENAI_BASE_URL": "https://relay.example.com"}, "https://api.openai.com/v1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env := map[string]string{"ANTHROPIC_API_KEY": key, "OPENAI_API_KEY": key}
			maps.Copy(env, tt.env)
			path := write(t, filepath.Join(t.TempDir(), "config.yaml"), "{model_list: [{model_name: m, litellm_params: "+tt.entry+"}]}")
			plan, err := Read(t.Context(), LiteLLM, path, set(env))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, p := range plan.Profiles {
				if p.APIKey.Reveal() == key {
					got = p.BaseURL
				}
			}
			if got != tt.want {
				t.Errorf("the key goes to %q, want %q: %+v", got, tt.want, plan)
			}
		})
	}
}

// TestAddressesAreNotTakenForKeys: what is shown must not lose its words to them.
func TestAddressesAreNotTakenForKeys(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "config.yaml"), `
model_list:
  - {model_name: m, litellm_params: {model: openai/x, api_base: "https://plain.example.com/v1", api_key: sk-plain-0123456789}}
router_settings: {fallbacks: [{"https://plain.example.com/v1": [m]}]}`)
	plan, err := Read(t.Context(), LiteLLM, path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said(plan), "(https://plain.example.com/v1): it names a model") {
		t.Errorf("%s", said(plan))
	}
}

// TestOnlyWhereTheToolDoesSoVariablesAreResolved asks each source for a key that stands in a variable.
func TestOnlyWhereTheToolDoesSoVariablesAreResolved(t *testing.T) {
	tests := []struct{ source, text string }{
		{CCSwitch, `{"providers": {"a": {"name": "a", "settingsConfig": {"env": {"ANTHROPIC_BASE_URL": "https://evil.example.com", "ANTHROPIC_AUTH_TOKEN": "%"}}}}}`},
		{ClaudeSettings, `{"env": {"ANTHROPIC_BASE_URL": "https://evil.example.com", "ANTHROPIC_AUTH_TOKEN": "%"}}`},
		{CLIProxyAPI, `claude-api-key: [{base-url: "https://evil.example.com", api-key: "%"}]`},
		{LiteLLM, `model_list: [{model_name: a, litellm_params: {model: anthropic/x, api_base: "https://evil.example.com", api_key: "%"}}]`},
		{CCR, `{"Providers": [{"name": "a", "api_base_url": "https://evil.example.com/v1/messages", "api_key": "%"}]}`},
	}
	does := map[string]string{LiteLLM: "os.environ/SECRET", CCR: "${SECRET}"}
	for _, tt := range tests {
		for _, written := range []string{"$SECRET", "${SECRET}", "${SECRET:-x}", "os.environ/SECRET", "{env:SECRET}"} {
			path := write(t, filepath.Join(t.TempDir(), "f"), strings.ReplaceAll(tt.text, "%", written))
			plan, err := Read(t.Context(), tt.source, path, set(map[string]string{"SECRET": "secret-of-the-user-0123"}))
			if err != nil {
				t.Fatal(err)
			}
			got := false
			for _, p := range plan.Profiles {
				got = got || strings.Contains(p.APIKey.Reveal(), "secret-of-the-user-0123")
			}
			if want := does[tt.source] == written || tt.source == CCR && written == "$SECRET"; got != want {
				t.Errorf("%s, %s: resolved is %t, want %t", tt.source, written, got, want)
			}
		}
	}
}

// TestTheFolderOfTheClientMayBeAnother: CLAUDE_CONFIG_DIR.
func TestTheFolderOfTheClientMayBeAnother(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	write(t, filepath.Join(home, ".claude", "settings.json"), `{"env": {"ANTHROPIC_API_KEY": "sk-home-0123456789"}}`)
	write(t, filepath.Join(dir, "settings.json"), `{"env": {"ANTHROPIC_API_KEY": "sk-other-0123456789"}}`)
	plan, err := ReadFound(t.Context(), ClaudeSettings, Places{Home: home, ClaudeDir: dir, Managed: "/nowhere"}, Options{})
	if err != nil || len(plan.Profiles) != 1 || plan.Profiles[0].APIKey.Reveal() != "sk-other-0123456789" {
		t.Errorf("%+v, %v", plan, err)
	}
}

// TestOneTokenOfClientsIsTakenAndAGoodOne: anybody can guess what stands in an example.
func TestOneTokenOfClientsIsTakenAndAGoodOne(t *testing.T) {
	for _, tt := range []struct {
		token string
		taken bool
	}{
		{"sk-1234", false},
		{"sk-1234567890abcdef", false},
		{"your-api-key-1", false},
		{"your-secret-key-of-clients", false},
		{"short-0123456", false},
		{"a-token-of-clients-0123", true},
	} {
		path := write(t, filepath.Join(t.TempDir(), "c.json"), `{"Providers": [{}], "APIKEYS": ["`+tt.token+`", {"key": "behind-it-0123456789"}], "Router": {"behind-it-0123456789": "x"}}`)
		plan, err := Read(t.Context(), CCR, path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if plan.ClientToken.IsZero() == tt.taken || tt.taken && !plan.ClientToken.Equal(config.NewSecret(tt.token)) {
			t.Errorf("%s: %t", tt.token, !plan.ClientToken.IsZero())
		}
		if text := said(plan); strings.Contains(text, "behind-it") || !strings.Contains(text, "APIKEYS[1]: prism has one client_token") {
			t.Errorf("%s: %s", tt.token, text)
		}
	}
}

// TestSettingsOfTheHomeDirectoryAreReadOnce: there the project's file is the user's own.
func TestSettingsOfTheHomeDirectoryAreReadOnce(t *testing.T) {
	home := t.TempDir()
	path := write(t, filepath.Join(home, ".claude", "settings.json"), `{"env": {"ANTHROPIC_BASE_URL": "https://a.example", "ANTHROPIC_AUTH_TOKEN": "sk-a-0123456789"}}`)
	plan, err := ReadFound(t.Context(), ClaudeSettings, Places{Home: home, Dir: home, Managed: filepath.Join(home, "none")}, Options{})
	if err != nil || len(plan.Profiles) != 1 || !slices.Equal(plan.Files, []string{path}) {
		t.Errorf("%+v, %v", plan, err)
	}
}
