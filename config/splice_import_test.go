package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const importable = `# mine
active: work   # save this line
profiles:
  # about work
  - name: work
    base_url: https://api.anthropic.com   # the real one
    api_key: sk-work-0123456789abcdef
    timeouts: {idle: 90s}
  -   name: many
      base_url: https://many.example.com
      keys:
        - {name: first, api_key: "sk-one-0123456789abcdef"}
        - name: second
          api_key: 'sk-two-0123456789abcdef'
# sk-ant-api03-0123456789abcdefghijkl
client_token: token-0123456789abcdef
`

func TestARuleGoesBehindTheOthers(t *testing.T) {
	rule := &Rule{Model: "*haiku*", Use: "many", PromptOver: 5, Days: []string{"mon"}, Header: &HeaderRule{Name: "X-A", Match: "a, {b}"}, Tag: &TagRule{Name: "t", Match: "*"}}
	out, err := AppendRule([]byte(importable), rule)
	if err != nil {
		t.Fatal(err)
	}
	if out, err = AppendRule(out, &Rule{Model: "a: b, c", Use: "work"}); err != nil {
		t.Fatal(err)
	}
	read, problems := ParseProfiles(out, ParseOptions{AllowPlaintext: true})
	if read == nil {
		t.Fatal(problems)
	}
	if !strings.HasPrefix(string(out), importable) || len(read.Rules) != 2 || !read.Rules[0].SameConditions(rule) || read.Rules[1].Model != "a: b, c" {
		t.Errorf("%s", out)
	}
}

func TestAClientTokenIsAddedOnce(t *testing.T) {
	before := "profiles:\r\n  - name: a\r\n    base_url: https://a.example.com\r\n    auth: none"
	out, err := AddClientToken([]byte(before), NewSecret("token: # 0123456789"))
	if err != nil || string(out) != before+"\r\n\r\nclient_token: \"token: # 0123456789\"\r\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := AddClientToken(out, NewSecret("x")); !errors.Is(err, ErrHasToken) {
		t.Errorf("a second token: %v", err)
	}
}

func TestARedactedFileHoldsNoKeyAndGetsThemBack(t *testing.T) {
	out, err := RedactProfiles([]byte(importable))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "0123456789") || !strings.Contains(string(out), "timeouts: {idle: 90s}") || !strings.Contains(string(out), "# the real one") {
		t.Errorf("%s", out)
	}
	keys := map[string]string{"work": "sk-work-0123456789abcdef", "": "token-0123456789abcdef"}
	var asked []string
	back, missing, err := RestoreKeys(out, func(profile, name string) Secret {
		asked = append(asked, profile+"/"+name)
		return NewSecret(keys[profile])
	})
	if err != nil || len(missing) != 2 || missing[0] != "many" {
		t.Fatalf("%q, %v", missing, err)
	}
	if slices.Sort(asked); !slices.Equal(asked, []string{"/", "many/first", "many/second", "work/"}) {
		t.Errorf("asked for %q", asked)
	}
	read, problems := ParseProfiles(back, ParseOptions{AllowPlaintext: true})
	if read == nil {
		t.Fatal(problems)
	}
	if read.Profile("work").APIKey.Reveal() != keys["work"] || read.ClientToken.Reveal() != keys[""] || read.Profile("many").Keys[0].Secret.Reveal() != Withheld {
		t.Errorf("%s", back)
	}
}

func TestAFileThatIsSealedWholeMustBeOpenedToBeRedacted(t *testing.T) {
	src := "profiles:\n  - name: ENC[AES256_GCM,data:x]\n    api_key: ENC[AES256_GCM,data:y]\nsops:\n  mac: ENC[AES256_GCM,data:z]\n"
	if _, err := RedactProfiles([]byte(src)); !errors.Is(err, ErrNamesSealed) {
		t.Errorf("%v", err)
	}
	src = strings.Replace(src, "ENC[AES256_GCM,data:x]", "a", 1)
	out, err := RedactProfiles([]byte(src))
	if err != nil || string(out) != "profiles:\n  - name: a\n    api_key: \"redacted\"\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestAProfileIsCopiedAsItIsWritten(t *testing.T) {
	for _, dst := range []string{
		"active: a\nprofiles:\n  - name: a\n    base_url: https://a.example.com\n    auth: none\n",
		"active: a\nprofiles:\n- name: a\n  base_url: https://a.example.com\n  auth: none\nrules: []\n",
		"profiles: []\n",
	} {
		out := []byte(dst)
		var err error
		for _, name := range []string{"many", "work"} {
			if out, err = CopyProfile(out, []byte(importable), name); err != nil {
				t.Fatal(err)
			}
			if !SameProfile(out, []byte(importable), name) {
				t.Errorf("%s differs in\n%s", name, out)
			}
		}
		if !strings.Contains(string(out), "# the real one") {
			t.Errorf("comments are gone:\n%s", out)
		}
		if _, problems := ParseProfiles(out, ParseOptions{AllowPlaintext: true, Active: "-"}); problems.Err() != nil {
			t.Error(problems.Text())
		}
	}
	if _, err := CopyProfile([]byte(importable), []byte(importable), "nobody"); !errors.Is(err, ErrNoProfile) {
		t.Errorf("%v", err)
	}
}

func TestAProfileIsReplacedByOneOfAnotherFile(t *testing.T) {
	from := "active: kimi\nprofiles:\n  - name: kimi\n    # another host\n    base_url: https://kimi.example.com\n    api_key: sk-new\n"
	out, err := ReplaceProfile([]byte(houseFile), []byte(from), "kimi")
	if err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(houseFile, "  - name: kimi\n")
	_, after, _ = strings.Cut(after, "      - local\n")
	want := before + "  - name: kimi\n    # another host\n    base_url: https://kimi.example.com\n    api_key: sk-new\n" + after
	if string(out) != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	// One on one line, and the last one of the list.
	if out, err = ReplaceProfile(out, []byte("profiles:\n- {name: spare, base_url: 'https://s.example.com', auth: none} # mine\n"), "spare"); err != nil || !strings.Contains(string(out), "- {name: spare, base_url: 'https://s.example.com', auth: none} # mine\n\nrules:") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := ReplaceProfile([]byte(importable), []byte(from), "kimi"); !errors.Is(err, ErrNoProfile) {
		t.Errorf("a profile that is not there: %v", err)
	}
	if _, err := ReplaceProfile([]byte("profiles: [{name: kimi, base_url: 'https://k.example.com', auth: none}]\n"), []byte(from), "kimi"); !errors.Is(err, ErrProfilesShape) {
		t.Errorf("a list on one line: %v", err)
	}
}

func TestAProfileIsWrittenWithItsMoney(t *testing.T) {
	p := &Profile{
		Name: "a", BaseURL: "https://a.example.com", Dialect: DialectAnthropic, Auth: AuthXAPIKey, APIKey: NewSecret("sk-a-0123456789"), Multiplier: "0.5",
		Fallback: []string{"work", "many"}, Budget: &Budget{DailyUSD: "20", MonthlyUSD: "300.5", Then: "fallback"},
	}
	for _, src := range []string{importable, "active: work\nprofiles: [{name: work, base_url: 'https://w.example.com', auth: none}, {name: many, base_url: 'https://m.example.com', auth: none}]\n"} {
		out, err := AppendProfile([]byte(src), p)
		if err != nil {
			t.Fatal(err)
		}
		read, problems := ParseProfiles(out, ParseOptions{AllowPlaintext: true})
		if read == nil {
			t.Fatal(problems)
		}
		got := read.Profile("a")
		if got.Multiplier != "0.5" || len(got.Fallback) != 2 || *got.Budget != *p.Budget {
			t.Errorf("%+v in\n%s", got, out)
		}
	}
}
