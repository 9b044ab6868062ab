package daemon

import (
	"strings"
	"testing"

	"prism/config"
	"prism/internal/admin"
)

func TestWhatChangedBesideTheProfilesIsNamed(t *testing.T) {
	rule := func(line int, model, use string) config.Rule {
		return config.Rule{Model: model, Use: use, Pos: config.Pos{Line: line}}
	}
	before := config.Profiles{Rules: []config.Rule{rule(9, "claude-opus-*", "work"), rule(10, "*", "kimi")}, ClientToken: config.NewSecret("token-1")}
	for want, after := range map[string]config.Profiles{
		"":                   {Rules: []config.Rule{rule(11, "claude-opus-*", "work"), rule(14, "*", "kimi")}, ClientToken: config.NewSecret("token-1")},
		"rules":              {Rules: []config.Rule{rule(9, "*", "kimi"), rule(10, "claude-opus-*", "work")}, ClientToken: config.NewSecret("token-1")},
		"client_token":       {Rules: before.Rules, ClientToken: config.NewSecret("token-2")},
		"rules,client_token": {},
	} {
		if got := strings.Join(changedBeside(&before, &after), ","); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestASwapNamesTheRulesAndTheTokenInTheVerdictAndTheLedger(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	r.write(r.seal(strings.Replace(r.two("a"), token, token+"-rotated", 1) + "rules:\n  - model: claude-*\n    use: b\n"))
	v, err := admin.Dial(r.paths.Socket).Reload(t.Context(), false)
	if err != nil || !v.OK {
		t.Fatalf("%+v, %v", v, err)
	}
	r.halt()
	events := r.events()
	changed := strings.Join(events[len(events)-1].Changed, " ")
	if !strings.HasSuffix(changed, "rules client_token") || strings.Contains(r.log.String(), "rotated") {
		t.Errorf("the ledger says %q; the verdict was %+v\n%s", changed, v, r.log)
	}
}

func TestAProfileChangesWithItsKeysAndNotWithTheirPlace(t *testing.T) {
	keys := func(line int, of ...string) config.Profile {
		p := config.Profile{Name: "work", BaseURL: "https://x.example", Pos: config.Pos{Line: line, Column: 5}}
		for i := 0; i+1 < len(of); i += 2 {
			p.Keys = append(p.Keys, config.Key{Name: of[i], Secret: config.NewSecret(of[i+1]), Pos: config.Pos{Line: line + i, Column: 20}})
		}
		p.APIKey, p.KeyPos = p.Keys[0].Secret, p.Keys[0].Pos
		return p
	}
	before := keys(5, "first", "key-1", "second", "key-2")
	for name, c := range map[string]struct {
		after config.Profile
		same  bool
	}{
		"moved down":  {keys(9, "first", "key-1", "second", "key-2"), true},
		"renamed":     {keys(5, "first", "key-1", "spare", "key-2"), false},
		"another key": {keys(5, "first", "key-1", "second", "key-3"), false},
		"one less":    {keys(5, "first", "key-1"), false},
		"other order": {keys(5, "second", "key-2", "first", "key-1"), false},
		"an api_key":  {keys(5, "", "key-1"), false},
	} {
		_, _, changed := difference([]config.Profile{before}, []config.Profile{c.after})
		if (len(changed) == 0) != c.same {
			t.Errorf("%s: changed %v", name, changed)
		}
	}
}
