package config

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func twoProblems() Problems {
	return Problems{
		{Severity: SeverityError, Code: CodeInvalid, File: "/h/a,b:c.yaml", Line: 20, Column: 14, Path: "profiles[local].dialect", Message: `expected anthropic, got "opanai"`, Fix: "dialect: anthropic"},
		{Severity: SeverityWarning, Code: CodeSecretFormat, File: "/h/a,b:c.yaml", Message: "100% odd\nsecond line"},
	}
}

func TestProblemsAsJSONHaveTheShapeOfEveryError(t *testing.T) {
	data, err := twoProblems().JSON()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"ok":false,"problems":[` +
		`{"severity":"error","code":"config_invalid","message":"expected anthropic, got \"opanai\"","fix":"dialect: anthropic","at":{"file":"/h/a,b:c.yaml","line":20,"column":14,"path":"profiles[local].dialect"}},` +
		`{"severity":"warning","code":"secret_format","message":"100% odd\nsecond line","at":{"file":"/h/a,b:c.yaml"}}]}`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
	for _, none := range []Problems{nil, {}} {
		if data, err := none.JSON(); err != nil || string(data) != `{"ok":true,"problems":[]}` {
			t.Errorf("%s, %v", data, err)
		}
	}
	if data, err := twoProblems()[1:].JSON(); err != nil || !json.Valid(data) || !strings.HasPrefix(string(data), `{"ok":true,`) {
		t.Errorf("warnings alone are ok: %s, %v", data, err)
	}
}

func TestProblemsAsAnnotationsAreEscaped(t *testing.T) {
	want := `::error file=/h/a%2Cb%3Ac.yaml,line=20,col=14,title=config_invalid::profiles[local].dialect: expected anthropic, got "opanai"%0Afix: dialect: anthropic` + "\n" +
		"::warning file=/h/a%2Cb%3Ac.yaml,title=secret_format::100%25 odd%0Asecond line\n"
	if got := twoProblems().GitHub(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWarningsAreNoError(t *testing.T) {
	problems := twoProblems()
	if err := problems[1:].Err(); err != nil {
		t.Error(err)
	}
	var as Problems
	if err := problems.Err(); !errors.As(err, &as) || len(as) != 2 || err.Error() != problems.Text() {
		t.Error(err)
	}
	if got := problems.Summary(); got != "1 error, 1 warning" {
		t.Error(got)
	}
	if got := problems[0].OneLine(); got != `/h/a,b:c.yaml:20:14 profiles[local].dialect: expected anthropic, got "opanai"` {
		t.Error(got)
	}
}

func TestTyposAreGuessed(t *testing.T) {
	fields := []string{"name", "base_url", "auth", "api_key", "models", "model"}
	for typo, want := range map[string]string{
		"nmae": "name", "baseurl": "base_url", "base-url": "base_url", "BaseURL": "base_url", "atuh": "auth", "apikey": "api_key",
		"api_kee": "api_key", "modles": "models", "mode": "model", "colour": "", "x": "", "": "", strings.Repeat("a", 500): "",
	} {
		if got := nearest(typo, fields); got != want {
			t.Errorf("%q: %q, want %q", typo, got, want)
		}
	}
}

func TestKeysAreToldFromWords(t *testing.T) {
	for _, key := range []string{
		"sk-ant-api03-QzRkT7wXv2LmN9pB4cD8eF", "x sk-proj-abcdefghijkl123 y", "AIzaSyA1b2C3d4E5f6G7h8", "ghp_abcdefghij0123456789",
		"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "Qz7RkTwXv2LmN9pB4cD8eFgH1jK5sUyA0", "AGE-SECRET-KEY-1QQQQQQQQQQQQQQ",
	} {
		if keyIn(key) == "" || strings.Contains(redactKeys(key), key[4:20]) {
			t.Errorf("%s is not seen as a key", key)
		}
	}
	for _, text := range []string{
		"yaml-language-server: $schema=./profiles.schema.json", "save this line to switch", "https://api.moonshot.ai/anthropic/some-long-path-of-words",
		"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", "claude-sonnet-4-5-20250929", "ENC[AES256_GCM,data:Qz7RkTwXv2LmN9pB4cD8eFgH1jK5sUyA0,iv:a]",
		"======================================", "----------------------------------------",
	} {
		if key := keyIn(text); key != "" {
			t.Errorf("%s is taken for the key %s", text, key)
		}
	}
}
