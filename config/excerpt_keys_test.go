package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestNoProblemShowsWhatStandsUnderKeys is for keys that look like words: nothing but their place
// gives them away.
func TestNoProblemShowsWhatStandsUnderKeys(t *testing.T) {
	for _, src := range []string{
		"    keys: KEY\n    nope: 1\n",
		"    keys: [KEY, KEY]\n    nope: 1\n",
		"    keys:\n      - KEY\n      - KEY # mine\n    nope: 1\n",
		"    keys:\n    - KEY\n    nope: 1\n",
		"    keys:\n\n      - - KEY\n    nope: 1\n",
		"    'keys':\n      KEY\n    nope: 1\n",
		"    keys:\n      - {name: a, api_key: KEY, x: 1}\n      - name: b\n        api_key: KEY KEY\n        x: 1\n",
		"    keys: [{name: a, api_key: KEY}, KEY]\n    nope: 1\n",
		"    keys:\n      - {name: a, key: KEY}\n      - name: b\n        apikey: KEY\n      - key: KEY\n",
	} {
		_, problems := ParseProfiles([]byte("profiles:\n  - name: a\n    base_url: https://x.example\n"+strings.ReplaceAll(src, "KEY", "purple-words")), ParseOptions{})
		if len(problems) == 0 || strings.Contains(problems.Text(), "purple") {
			t.Errorf("%s shows the key:\n%s", src, problems.Text())
		}
	}
	// What has nothing to do with keys is shown as it is.
	_, problems := ParseProfiles([]byte("profiles:\n  - name: a\n    keys:\n      - {name: a, api_key: k}\n    base_url: https://x.example\n    nope: plain-words\n"), ParseOptions{})
	if !strings.Contains(problems.Text(), "nope: plain-words") {
		t.Errorf("too much is hidden:\n%s", problems.Text())
	}
}

// TestNoProblemShowsASecret puts keys where they do not belong, in every form of a scalar.
func TestNoProblemShowsASecret(t *testing.T) {
	const key = "sk-ant-api03-QzRkT7wXv2LmN9pB4cD8eF"
	const odd = "Qz7RkTwXv2LmN9pB4cD8eFgH1jK5sUyA0"
	for i, src := range []string{
		"active: KEY\nprofiles: []\n",
		"KEY: x\n",
		"profiles:\n  - name: KEY\n    base_url: https://x\n    api_key: KEY\n    nope: 1\n",
		"profiles:\n  - name: a\n    api_key: |\n      KEY\n     bad\n",
		"profiles:\n  - name: a\n    api_key:\n      KEY\n    nope: 1\n",
		"profiles:\n  - {name: a, api_key: KEY, base_url: 'x', nope: 1}\n",
		"profiles:\n  - {name: a, \"api_key\": \"KEY\", base_url: 'x', nope: 1}\n",
		"profiles:\n  - name: a\n    api_key: \"KEY\n    nope: 1\n",
		"profiles:\n  - name: a\n    auth: KEY\n    base_url: https://KEY@x.example\n",
		"profiles:\n  - name: a\n    auth: KEY\n    base_url: https://x.example/?k=KEY\n",
		"# KEY\nprofiles: 1\n",
		"profiles: [KEY, KEY\n",
		"client_token: KEY\n\tx: 1\n",
		"rules:\n  - {header: {name: KEY, match: KEY}, use: KEY}\n",
		"prices:\n  - {provider: KEY, model_match: KEY, input: KEY, effective_from: KEY}\n",
		"profiles:\n  - name: a\n    keys: KEY\n    nope: 1\n",
		"profiles:\n  - name: a\n    keys: [KEY, KEY]\n    nope: 1\n",
		"profiles:\n  - {name: a, keys: KEY}\n",
		"profiles:\n  - {name: a, keys: [KEY]}\n",
		"profiles:\n  - name: a\n    keys:\n      - KEY\n      - KEY\n    nope: 1\n",
		"profiles:\n  - name: a\n    keys: # mine\n    - KEY\n\n    - [KEY]\n    nope: 1\n",
		"profiles:\n  - name: a\n    \"keys\":\n      KEY\n    nope: 1\n",
		"profiles:\n  - name: a\n    keys:\n      - {name: KEY, api_key: KEY, x: 1}\n      - name: b\n        api_key: KEY KEY\n        x: 1\n",
		"profiles:\n  - name: a\n    ca_file: KEY\n    timeouts: {idle: KEY}\n    flat_fee: KEY\n",
	} {
		for _, secret := range []string{key, odd} {
			for _, sealed := range []bool{true, false} {
				src := []byte(strings.ReplaceAll(src, "KEY", secret))
				_, problems := ParseProfiles(src, ParseOptions{Sealed: sealed})
				if len(problems) == 0 {
					t.Fatalf("%d: no problem", i)
				}
				data, err := problems.JSON()
				if err != nil {
					t.Fatal(err)
				}
				for _, out := range []string{problems.Text(), problems.GitHub(), string(data), fmt.Sprintf("%+v", problems)} {
					if strings.Contains(out, secret) || strings.Contains(out, secret[7:20]) {
						t.Errorf("%d shows the key:\n%s", i, out)
						break
					}
				}
			}
		}
	}
}
