package sealed

import (
	"slices"
	"strings"
	"testing"
)

// severalKeys has a list of keys within the list of profiles, in both styles.
const severalKeys = `active: work
profiles:
  - name: work
    base_url: https://api.anthropic.com
    keys:
      - name: first
        api_key: not-a-real-key-1
      - {name: second, api_key: not-a-real-key-2}
`

func TestSeveralKeysOfAProfileAreSealedAsOneIs(t *testing.T) {
	sops := sopsCommand(t)
	src := mustEncrypt(t, severalKeys, useKey(t))
	if strings.Contains(string(src), "not-a-real") || !strings.Contains(string(src), "name: second") {
		t.Errorf("sealed:\n%s", src)
	}
	if o := mustOpen(t, src); len(o.Values) != 2 || strings.ReplaceAll(string(o.Plain), `"`, "") != severalKeys {
		t.Errorf("%d values, plain:\n%s", len(o.Values), o.Plain)
	}
	if plain, code := sopsDecrypts(t, sops, src); code != 0 || strings.Count(string(plain), "not-a-real-key-") != 2 {
		t.Errorf("sops ends with %d:\n%s", code, plain)
	}

	pasted := edit(t, src, "      - name: first\n", "      - name: third\n        api_key: not-a-real-key-3\n      - name: first\n")
	out, paths, err := Seal(t.Context(), pasted, SealOptions{})
	if err != nil || !slices.Equal(paths, []string{"profiles[work].keys[third].api_key"}) {
		t.Fatalf("sealed %q, %v", paths, err)
	}
	if o := mustOpen(t, out); len(o.Values) != 3 || !strings.Contains(string(o.Plain), "api_key: not-a-real-key-3") {
		t.Errorf("%d values, plain:\n%s", len(o.Values), o.Plain)
	}
}
