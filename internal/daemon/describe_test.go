package daemon

import (
	"testing"

	"prism/config"
)

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
