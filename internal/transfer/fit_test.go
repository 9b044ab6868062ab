package transfer

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"prism/config"
)

const ownFile = "active: own\nprofiles:\n  - name: own\n    base_url: https://api.anthropic.com\n    auth: passthrough\n"

// parsed reads a profiles.yaml that is not sealed.
func parsed(t *testing.T, src string) *config.Profiles {
	t.Helper()
	have, problems := config.ParseProfiles([]byte(src), config.ParseOptions{AllowPlaintext: true})
	if problems.Err() != nil {
		t.Fatalf("%s\n%s", problems.Text(), src)
	}
	return have
}

// imported is the text of profiles.yaml after an import of a file.
func imported(t *testing.T, src, source, path string, activate bool, only ...string) (string, *Plan) {
	t.Helper()
	plan, err := Read(t.Context(), source, path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if unknown := plan.Only(only); len(unknown) > 0 {
		t.Fatalf("no %q in %+v", unknown, plan)
	}
	plan.Fit(parsed(t, src), activate)
	out, err := plan.Apply([]byte(src), activate)
	if err != nil {
		t.Fatal(err)
	}
	parsed(t, string(out))
	return string(out), plan
}

// rulesOf are the rules of a text, MODEL>PROFILE.
func rulesOf(t *testing.T, src string) string {
	t.Helper()
	var out []string
	for _, r := range parsed(t, src).Rules {
		out = append(out, r.Model+">"+r.Use)
	}
	return strings.Join(out, " ")
}

// TestWithoutActivateRequestsOfTodayGoWhereTheyWent: a rule of there is made for a profile that does not
// become the active one here.
func TestWithoutActivateRequestsOfTodayGoWhereTheyWent(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "c.json"), `{"Providers": [
		{"name": "main", "api_base_url": "https://main.example.com/v1/messages", "api_key": "sk-m-0123456789", "models": ["m"]},
		{"name": "small", "api_base_url": "http://127.0.0.1:1/v1/messages", "models": ["s"]}],
		"Router": {"default": "main,m", "background": "small,s"}, "APIKEY": "token-of-clients-0123456"}`)
	out, plan := imported(t, ownFile, CCR, path, false)
	if have := parsed(t, out); rulesOf(t, out) != "" || !have.ClientToken.IsZero() {
		t.Errorf("without --activate:\n%s", out)
	}
	for _, want := range []string{`{model: "*haiku*", use: small}`, "the token of clients: clients that present none now would be refused"} {
		if !strings.Contains(said(plan), want) {
			t.Errorf("%q is not in\n%s", want, said(plan))
		}
	}
	out, _ = imported(t, ownFile, CCR, path, true)
	if have := parsed(t, out); rulesOf(t, out) != "*haiku*>small" || have.ClientToken.IsZero() || have.Active != "main" {
		t.Errorf("with --activate:\n%s", out)
	}
	if again, plan := imported(t, out, CCR, path, false); again != out || strings.Contains(said(plan), "rule for") {
		t.Errorf("a second import:\n%s\n%s", again, said(plan))
	}
}

// TestEveryNameOfTheOtherToolLeadsToItsProfile: also those of the profile that is active there, as long as
// it is not active here.
func TestEveryNameOfTheOtherToolLeadsToItsProfile(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "config.yaml"), `
model_list:
  - {model_name: kimi, litellm_params: {model: openai/kimi-x, api_base: "https://kimi.example.com/v1", api_key: sk-k-0123456789}}
  - {model_name: qwen, litellm_params: {model: openai/qwen-x, api_base: "https://qwen.example.com/v1", api_key: sk-q-0123456789}}
  - {model_name: claude-opus-x, litellm_params: {model: openai/big, api_base: "https://qwen.example.com/v1", api_key: sk-q-0123456789}}
  - {model_name: "all/*", litellm_params: {model: "openai/*", api_base: "https://all.example.com/v1", api_key: sk-a-0123456789}}
`)
	if out, plan := imported(t, ownFile, LiteLLM, path, false); rulesOf(t, out) != "kimi>kimi qwen>example" {
		t.Errorf("without --activate: %s\n%s", rulesOf(t, out), said(plan))
	}
	if out, _ := imported(t, ownFile, LiteLLM, path, true); rulesOf(t, out) != "qwen>example claude-opus-x>example all/*>all" {
		t.Errorf("with --activate: %s", rulesOf(t, out))
	}
	cpa := write(t, filepath.Join(t.TempDir(), "config.yaml"), `
openai-compatibility:
  - {name: one, base-url: "https://one.example.com/v1", api-keys: [sk-1-0123456789], models: [{name: a-x, alias: a}]}
  - {name: two, base-url: "https://two.example.com/v1", api-keys: [sk-2-0123456789], models: [{name: b-x, alias: b}]}
`)
	if out, _ := imported(t, ownFile, CLIProxyAPI, cpa, false); rulesOf(t, out) != "a>one b>two" {
		t.Errorf("without --activate: %s", rulesOf(t, out))
	}
}

// TestSomeProfilesComeWithoutTheToken of all of them.
func TestSomeProfilesComeWithoutTheToken(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "c.json"), `{"Providers": [{"name": "a", "api_base_url": "https://a.example.com/v1/messages", "api_key": "sk-a-0123456789"}],
		"Router": {"default": "a,m"}, "APIKEY": "token-of-clients-0123456"}`)
	out, plan := imported(t, ownFile, CCR, path, true, "a")
	if have := parsed(t, out); !have.ClientToken.IsZero() || have.Active != "a" || !strings.Contains(said(plan), "the token of clients: some profiles were asked for") {
		t.Errorf("%s\n%s", out, said(plan))
	}
}

// TestTwoThatAreOneHereStayOne: cc-switch copies a provider on request.
func TestTwoThatAreOneHereStayOne(t *testing.T) {
	provider := `{"name": "GLM", "settingsConfig": {"env": {"ANTHROPIC_BASE_URL": "https://glm.example.com", "ANTHROPIC_AUTH_TOKEN": "glm-0123456789"}}, "inFailoverQueue": true}`
	path := write(t, filepath.Join(t.TempDir(), "config.json"), `{"providers": {"a": `+provider+`, "b": `+provider+`,
		"c": {"name": "other", "settingsConfig": {"env": {"ANTHROPIC_BASE_URL": "https://o.example.com", "ANTHROPIC_AUTH_TOKEN": "o-0123456789"}}, "inFailoverQueue": true}}, "current": "c"}`)
	first := write(t, filepath.Join(t.TempDir(), "first.json"), `{"providers": {"a": `+provider+`}}`)
	out, _ := imported(t, ownFile, CCSwitch, first, false)
	out, plan := imported(t, out, CCSwitch, path, true)
	names := []string{}
	for _, p := range parsed(t, out).Profiles {
		names = append(names, p.Name+fmt.Sprint(p.Fallback))
	}
	if got := strings.Join(names, " "); got != "own[] GLM[] other[GLM]" {
		t.Errorf("%s\n%+v", got, plan)
	}
	for _, p := range plan.Profiles {
		if p.Present && p.Name != "GLM" {
			t.Errorf("%s is said to be there", p.Name)
		}
	}
}

// TestWhatIsThereKeepsItsPrices: a price holds from the beginning of time.
func TestWhatIsThereKeepsItsPrices(t *testing.T) {
	text := func(price string) string {
		return `{"gateway": {}, "Providers": [{"name": "house", "type": "openai_chat_completions", "baseUrl": "https://h.example.com/v1", "apiKey": "sk-h-0123456789", "models": ["m"],
			"modelMetadata": {"m": {"pricing": {"inputUsdPerMillionTokens": ` + price + `, "outputUsdPerMillionTokens": 2}}}}]}`
	}
	dir := t.TempDir()
	out, plan := imported(t, ownFile, CCR, write(t, filepath.Join(dir, "a.json"), text("1")), false)
	if len(plan.Prices) != 1 {
		t.Fatalf("%+v", plan)
	}
	out = strings.ReplaceAll(out, "model_match: m\n", "model_match: n\n")
	again, plan := imported(t, out, CCR, write(t, filepath.Join(dir, "b.json"), text("3")), false)
	if again != out || len(plan.Prices) != 0 {
		t.Errorf("%s\n%+v", again, plan)
	}
}

// TestYourPriceOfAModelIsNotTakenFromIt: a row for one profile goes before a row for all.
func TestYourPriceOfAModelIsNotTakenFromIt(t *testing.T) {
	src := ownFile + "prices:\n  - {provider: house, model_match: \"m*\", input: 1, output: 2, cache_read: 0.1}\n"
	path := write(t, filepath.Join(t.TempDir(), "c.json"), `{"gateway": {}, "Providers": [{"name": "house", "type": "openai_chat_completions", "baseUrl": "https://api.house.com/v1", "apiKey": "sk-h-0123456789", "models": ["m"],
		"modelMetadata": {"m[1m]": {"pricing": {"inputUsdPerMillionTokens": 3, "outputUsdPerMillionTokens": 2}}}}]}`)
	plan, err := Read(t.Context(), CCR, path, Options{})
	if err != nil || len(plan.Prices) != 1 || plan.Prices[0].Provider != "house" {
		t.Fatalf("%+v, %v", plan, err)
	}
	plan.Fit(parsed(t, src), false)
	if len(plan.Prices) != 0 || !strings.Contains(said(plan), "house: the price of m[1m]: the file has a price of yours") {
		t.Errorf("%+v", plan)
	}
}

// TestWaysThatPartAndMeetAreGoneOnce: the number of ways through these fallbacks has twelve digits.
func TestWaysThatPartAndMeetAreGoneOnce(t *testing.T) {
	const n = 40
	var models, fallbacks []string
	for i := range n {
		models = append(models, fmt.Sprintf(`{model_name: m%d, litellm_params: {model: openai/x, api_base: "https://h%d.example.com/v1", api_key: sk-%d-0123456789}}`, i, i, i))
		var behind []string
		for j := n - 1; j > i; j-- {
			behind = append(behind, fmt.Sprintf("m%d", j))
		}
		if len(behind) > 0 {
			fallbacks = append(fallbacks, fmt.Sprintf("{m%d: [%s]}", i, strings.Join(behind, ", ")))
		}
	}
	slices.Reverse(fallbacks) // the ways are there before the first one is asked about
	path := write(t, filepath.Join(t.TempDir(), "config.yaml"), "model_list: ["+strings.Join(models, ", ")+"]\nrouter_settings: {fallbacks: ["+strings.Join(fallbacks, ", ")+"]}\n")
	plan, err := Read(t.Context(), LiteLLM, path, Options{})
	if err != nil || len(plan.Profiles) != n || len(plan.Profiles[0].Fallback) != n-1 {
		t.Errorf("%d profiles, %v", len(plan.Profiles), err)
	}
}

// TestAnotherNameKeepsTheProvider: what a request costs is found by the provider, and that is who is asked.
func TestAnotherNameKeepsTheProvider(t *testing.T) {
	dir := t.TempDir()
	have := strings.ReplaceAll(ownFile, "own", "claude-x") + "  - name: relay\n    base_url: http://127.0.0.1:2\n    auth: none\n"
	path := write(t, filepath.Join(dir, "litellm.yaml"), "model_list:\n"+
		"  - {model_name: claude-x, litellm_params: {model: anthropic/claude-x, api_key: sk-ant-0123456789abc, input_cost_per_token: 3e-06, output_cost_per_token: 1e-05}}\n"+
		"  - {model_name: relay, litellm_params: {model: anthropic/m, api_base: 'https://relay.invalid', api_key: sk-r-0123456789abc, input_cost_per_token: 1e-06, output_cost_per_token: 2e-06}}\n")
	out, _ := imported(t, have, LiteLLM, path, false)
	read := parsed(t, out)
	for name, want := range map[string]string{"claude-x-2": "anthropic", "relay-2": "relay-2"} {
		if p := read.Profile(name); p == nil || p.Provider != want {
			t.Errorf("%s: %+v\n%s", name, p, out)
		}
	}
	for _, r := range read.Prices {
		if p := read.Profile(r.Profile); p == nil || p.Provider != r.Provider {
			t.Errorf("the price %+v is of no profile\n%s", r, out)
		}
	}
	if len(read.Prices) != 2 {
		t.Errorf("two prices were there:\n%s", out)
	}
}
