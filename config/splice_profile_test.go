package config

import (
	"errors"
	"strings"
	"testing"
)

const houseFile = `# the file of a house
active: work   # save this line to switch

profiles:
  # the first
  - name: work
    base_url: https://api.anthropic.com
    api_key: sk-work
    fallback: [kimi, 'local', spare]
    # the last line of work

  # the second
  - name: kimi
    base_url: https://api.moonshot.ai/anthropic   # abroad
    auth: bearer
    api_key: sk-kimi
    fallback:
      - spare
      - local
  - {name: local, base_url: "http://127.0.0.1:11434", auth: none}
  - {name: spare, base_url: "http://127.0.0.1:11435", auth: none}

rules:
  - {model: "*haiku*", use: kimi}   # small things
  - agent: "*"
    use: local
prices: [{provider: x, model_match: kimi, profile: kimi, input: 1, output: 2}, {provider: kimi, model_match: m, input: 1, output: 2}]
`

func TestRenameReachesEveryPlaceAndNoOther(t *testing.T) {
	for _, tc := range []struct{ from, to string }{{"work", "office"}, {"kimi", "moon"}, {"local", "2"}, {"spare", "null"}} {
		got, err := RenameProfile([]byte(houseFile), tc.from, tc.to)
		if err != nil {
			t.Fatal(err)
		}
		p, problems := ParseProfiles(got, ParseOptions{AllowPlaintext: true})
		if problems.Err() != nil || p.Profile(tc.to) == nil || p.Profile(tc.from) != nil {
			t.Fatalf("%s to %s: %v\n%s", tc.from, tc.to, problems, got)
		}
		if a, b := strings.Count(houseFile, "\n"), strings.Count(string(got), "\n"); a != b {
			t.Errorf("%s to %s: %d lines became %d", tc.from, tc.to, a, b)
		}
	}
	got, err := RenameProfile([]byte(houseFile), "kimi", "moon")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("[kimi, 'local'", "[moon, 'local'", "name: kimi", "name: moon", "use: kimi}", "use: moon}", "profile: kimi", "profile: moon").Replace(houseFile)
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRenameRefusesWhatItCannotDoExactly(t *testing.T) {
	for _, tc := range []struct {
		src, from, to string
		want          error
	}{
		{houseFile, "nobody", "x", ErrNoProfile},
		{houseFile, "kimi", "a b", nil},
		{houseFile, "kimi", "", nil},
		{strings.ReplaceAll(houseFile, "name: kimi", `name: "ki\x6di"`), "kimi", "moon", ErrProfilesShape},
		{strings.ReplaceAll(houseFile, "name: spare", `name: "ENC[AES256_GCM,data:x]"`), "kimi", "moon", ErrNamesSealed},
		{"active: work\n bad: [\n", "work", "x", nil},
	} {
		got, err := RenameProfile([]byte(tc.src), tc.from, tc.to)
		if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s to %s: %v, want %v\n%s", tc.from, tc.to, err, tc.want, got)
		}
	}
}

func TestReferencesAreThePlacesThatLeadToAProfile(t *testing.T) {
	for name, want := range map[string]string{
		"work":   "active:2",
		"kimi":   "profiles[work].fallback[0]:9 rules[0].use:24 prices[0].profile:27",
		"spare":  "profiles[work].fallback[2]:9 profiles[kimi].fallback[0]:18",
		"nobody": "",
	} {
		list, err := References([]byte(houseFile), name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range list {
			got = append(got, r.Path+":"+plain10(r.Pos.Line))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
}

func TestRemoveTakesTheProfileAndWhatLeadsToIt(t *testing.T) {
	got, err := RemoveProfile([]byte(houseFile), "kimi")
	if err != nil {
		t.Fatal(err)
	}
	const want = `# the file of a house
active: work   # save this line to switch

profiles:
  # the first
  - name: work
    base_url: https://api.anthropic.com
    api_key: sk-work
    fallback: ['local', spare]
    # the last line of work

  - {name: local, base_url: "http://127.0.0.1:11434", auth: none}
  - {name: spare, base_url: "http://127.0.0.1:11435", auth: none}

rules:
  - agent: "*"
    use: local
prices: [{provider: kimi, model_match: m, input: 1, output: 2}]
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, name := range []string{"local", "spare", "kimi"} {
		if got, err = RemoveProfile(got, name); errors.Is(err, ErrNoProfile) {
			got, err = []byte(want), nil
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if p, problems := ParseProfiles(got, ParseOptions{AllowPlaintext: true}); problems.Err() != nil || len(p.Profiles) == 0 {
		t.Errorf("%v\n%s", problems, got)
	}
}

func TestRemoveLeavesNoBlankLinesAndHoldsCommentsOfOthers(t *testing.T) {
	for name, tc := range map[string]struct{ src, want string }{
		"last of the file": {
			"active: a\nprofiles:\n  - name: a\n    base_url: https://a.example\n    # of a\n\n  # of b\n  - name: b\n    base_url: https://b.example\n",
			"active: a\nprofiles:\n  - name: a\n    base_url: https://a.example\n    # of a\n",
		},
		"first": {
			"active: a\nprofiles:\n  # all\n  - name: b\n    base_url: https://b.example\n\n  - name: a\n    base_url: https://a.example\n",
			"active: a\nprofiles:\n  # all\n\n  - name: a\n    base_url: https://a.example\n",
		},
		"crlf": {
			"active: a\r\nprofiles:\r\n- name: a\r\n  base_url: https://a.example\r\n- name: b\r\n  base_url: https://b.example\r\n",
			"active: a\r\nprofiles:\r\n- name: a\r\n  base_url: https://a.example\r\n",
		},
		"no line end": {
			"active: a\nprofiles:\n- name: a\n- name: b",
			"active: a\nprofiles:\n- name: a\n",
		},
		"flow": {
			"{active: a, profiles: [{name: b, base_url: x}, {name: a, fallback: [b]}], rules: [{use: b}]}\n",
			"{active: a, profiles: [{name: a, fallback: []}], rules: []}\n",
		},
	} {
		got, err := RemoveProfile([]byte(tc.src), "b")
		if err != nil || string(got) != tc.want {
			t.Errorf("%s: %q, %v\nwant %q", name, got, err, tc.want)
		}
	}
	if got, err := RemoveProfile([]byte(houseFile), "work"); err == nil {
		t.Errorf("the active profile was taken out:\n%s", got)
	}
}

func TestAppendPutsAProfileBehindTheOthers(t *testing.T) {
	p := &Profile{
		Name: "new", BaseURL: "https://x.example/v1", Dialect: DialectOpenAI, Auth: AuthBearer, APIKey: NewSecret(`k"ey`), Provider: "new", Preset: "vllm",
		Models: []ModelRule{{Match: "*haiku*", Use: "a:1"}, {Match: "*", Use: "b", MaxOutput: 5, ContextWindow: 9}},
	}
	const lines = "  - name: new\n    base_url: https://x.example/v1\n    dialect: openai\n    api_key: \"k\\\"ey\"\n    preset: vllm\n" +
		"    models:   # first match wins\n      - {match: \"*haiku*\", use: \"a:1\"}\n      - {match: \"*\", use: b, max_output: 5, context_window: 9}\n"
	const flow = `{name: new, base_url: "https://x.example/v1", dialect: openai, api_key: "k\"ey", preset: vllm, models: [{match: "*haiku*", use: "a:1"}, {match: "*", use: b, max_output: 5, context_window: 9}]}`
	for name, tc := range map[string]struct{ src, want string }{
		"one":       {"active: a\nprofiles:\n  - name: a\n    base_url: https://a.example\nrules: []\n", "active: a\nprofiles:\n  - name: a\n    base_url: https://a.example\n\n" + lines + "rules: []\n"},
		"close":     {"profiles:\n  - name: a\n  - name: b\n# end\n", "profiles:\n  - name: a\n  - name: b\n" + lines + "# end\n"},
		"apart":     {"profiles:\n  - name: a\n\n  - name: b\n\n# end\n", "profiles:\n  - name: a\n\n  - name: b\n\n" + lines + "\n# end\n"},
		"no end":    {"profiles:\n  - name: a\n  - name: b", "profiles:\n  - name: a\n  - name: b\n" + lines},
		"none":      {"active: a\nprofiles: []\n", "active: a\nprofiles:\n" + lines},
		"in a line": {"profiles: [{name: a}]\n", "profiles: [{name: a}, " + flow + "]\n"},
		"crlf":      {"profiles:\r\n  - name: a\r\n", "profiles:\r\n  - name: a\r\n\r\n" + strings.ReplaceAll(lines, "\n", "\r\n")},
	} {
		got, err := AppendProfile([]byte(tc.src), p)
		if err != nil || string(got) != tc.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, tc.want)
		}
	}
}

func TestAppendPutsAProfileWithOneModelBetweenBrackets(t *testing.T) {
	p := &Profile{Name: "new", BaseURL: "https://x.example", Dialect: DialectAnthropic, Auth: AuthNone, Models: []ModelRule{{Match: "*", Use: "m:1"}}}
	const want = "profiles: [{name: a}, {name: new, base_url: \"https://x.example\", auth: none, model: \"m:1\"}]\n"
	if got, err := AppendProfile([]byte("profiles: [{name: a}]\n"), p); err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

func TestAProfileThatIsWrittenIsReadAsItWas(t *testing.T) {
	for _, preset := range Presets() {
		p := &Profile{
			Name: preset.Profile, BaseURL: strings.NewReplacer("{resource}", "mine", "{region}", "us-east-1", "{location}", "global", "{project}", "p").Replace(preset.BaseURL),
			Dialect: preset.Dialect, Auth: preset.Auth, Provider: preset.Provider, FlatFee: preset.FlatFee, Models: preset.Models(), Preset: preset.Name,
		}
		if p.Auth.NeedsKey() {
			p.APIKey = NewSecret("the-key-of-a-test")
		}
		if p.Models == nil {
			p.Models = []ModelRule{{Match: "*", Use: "org/model:latest"}}
		}
		out, err := AppendProfile([]byte("active: "+p.Name+"\nprofiles: []\n"), p)
		if err != nil {
			t.Fatalf("%s: %v", preset.Name, err)
		}
		got, problems := ParseProfiles(out, ParseOptions{AllowPlaintext: true})
		if len(problems) > 0 {
			t.Errorf("%s: %v\n%s", preset.Name, problems, out)
			continue
		}
		one := got.Profiles[0]
		if one.Auth != p.Auth || one.Dialect != p.Dialect || one.FlatFee != p.FlatFee || len(one.Models) != len(p.Models) || p.Provider != "" && one.Provider != p.Provider || !one.APIKey.Equal(p.APIKey) {
			t.Errorf("%s became %+v", preset.Name, one)
		}
		if p.Dialect.Translated() && len(one.Quirks.Efforts) != len(preset.Quirks.Efforts) {
			t.Errorf("%s has other quirks: %+v", preset.Name, one.Quirks)
		}
	}
}

func FuzzProfilesAreChangedExactlyOrNotAtAll(f *testing.F) {
	f.Add(houseFile, "kimi", "moon")
	f.Add("{active: a, profiles: [{name: b, base_url: x}, {name: a, fallback: [b]}], rules: [{use: b}]}\n", "b", "c")
	f.Fuzz(func(t *testing.T, src, from, to string) {
		if renamed, err := RenameProfile([]byte(src), from, to); err == nil && from != to {
			if left, err := References(renamed, from); err != nil || len(left) > 0 {
				t.Errorf("%v still lead to %q in %q", left, from, renamed)
			}
		}
		if removed, err := RemoveProfile([]byte(src), from); err == nil {
			if _, err := RemoveProfile(removed, from); !errors.Is(err, ErrNoProfile) {
				t.Errorf("%q was not taken out of %q: %v", from, removed, err)
			}
		}
		_, _ = AppendProfile([]byte(src), &Profile{Name: "new", BaseURL: "https://x.example", Dialect: DialectAnthropic, Auth: AuthNone})
	})
}
