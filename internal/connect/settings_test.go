package connect

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tailscale/hujson"
)

func edited(t *testing.T, text string, set map[string]string, drop ...string) string {
	t.Helper()
	s, err := Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s.Edit(set, drop)
	return string(s.Text())
}

func TestAnEditTouchesOnlyWhatItNames(t *testing.T) {
	set := map[string]string{"ANTHROPIC_BASE_URL": "http://127.0.0.1:3000", "ANTHROPIC_AUTH_TOKEN": "<t>"}
	tests := map[string]struct{ before, after string }{
		"no file": {"", `{
  "env": {
    "ANTHROPIC_AUTH_TOKEN": "<t>",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:3000"
  }
}
`},
		"no env, four spaces": {"{\n    \"model\": \"opus\",\n    \"hooks\": {}\n}", `{
    "model": "opus",
    "hooks": {},
    "env": {
        "ANTHROPIC_AUTH_TOKEN": "<t>",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:3000"
    }
}`},
		"an address and a key there, tabs": {
			"{\n\t\"env\": {\n\t\t\"ANTHROPIC_BASE_URL\": \"https://a.example\",\n\t\t\"ANTHROPIC_API_KEY\": \"k\",\n\t\t\"FOO\": \"1\"\n\t},\n\t\"z\": [1,2]\n}\n",
			"{\n\t\"env\": {\n\t\t\"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:3000\",\n\t\t\"FOO\": \"1\",\n\t\t\"ANTHROPIC_AUTH_TOKEN\": \"<t>\"\n\t},\n\t\"z\": [1,2]\n}\n",
		},
		"a byte order mark in front": {
			"\ufeff{\r\n\t\"env\": {\"ANTHROPIC_AUTH_TOKEN\": \"k\", \"ANTHROPIC_API_KEY\": \"k\", \"ANTHROPIC_BASE_URL\": \"x\"}\r\n}",
			"\ufeff{\r\n\t\"env\": {\"ANTHROPIC_AUTH_TOKEN\": \"<t>\", \"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:3000\"}\r\n}",
		},
		"on one line":                         {`{"a":1,"env":{"ANTHROPIC_API_KEY":"k"}}`, `{"a":1,"env":{"ANTHROPIC_AUTH_TOKEN": "<t>", "ANTHROPIC_BASE_URL": "http://127.0.0.1:3000"}}`},
		"an empty env":                        {"{\n  \"env\": {}\n}\n", "{\n  \"env\": {\n    \"ANTHROPIC_AUTH_TOKEN\": \"<t>\",\n    \"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:3000\"\n  }\n}\n"},
		"a hollow env":                        {"{\n  \"env\": {\n  }\n}\n", "{\n  \"env\": {\n    \"ANTHROPIC_AUTH_TOKEN\": \"<t>\",\n    \"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:3000\"\n  }\n}\n"},
		"lines of DOS":                        {"{\r\n  \"a\": 1\r\n}\r\n", "{\r\n  \"a\": 1,\r\n  \"env\": {\r\n    \"ANTHROPIC_AUTH_TOKEN\": \"<t>\",\r\n    \"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:3000\"\r\n  }\r\n}\r\n"},
		"comments stay":                       {"{\n  // mine\n  \"a\": 1, // one\n  \"env\": {\n    \"B\": \"b\", // two\n    \"ANTHROPIC_API_KEY\": \"k\",\n  },\n}\n", "{\n  // mine\n  \"a\": 1, // one\n  \"env\": {\n    \"B\": \"b\", // two\n    \"ANTHROPIC_AUTH_TOKEN\": \"<t>\",\n    \"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:3000\",\n  },\n}\n"},
		"a comment behind the last one stays": {"{\n  \"env\": {\n    \"ANTHROPIC_BASE_URL\": \"x\",\n    \"ANTHROPIC_AUTH_TOKEN\": \"y\",\n    \"ANTHROPIC_API_KEY\": \"k\" // old\n  }\n}\n", "{\n  \"env\": {\n    \"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:3000\",\n    \"ANTHROPIC_AUTH_TOKEN\": \"<t>\" // old\n  }\n}\n"},
		"a comment to the end of a line without one behind it": {
			"{\"env\": { \"A\": \"1\", \"B\": \"2\" // both\n}}",
			"{\"env\": { \"A\": \"1\", \"B\": \"2\", // both\n \"ANTHROPIC_AUTH_TOKEN\": \"<t>\",\n \"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:3000\"\n}}",
		},
		"a comment of the member before one that goes": {
			"{\"env\": {\"ANTHROPIC_BASE_URL\": \"x\", \"A\": \"1\", // one\n \"ANTHROPIC_API_KEY\": \"k\", \"ANTHROPIC_AUTH_TOKEN\": \"y\"}}",
			"{\"env\": {\"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:3000\", \"A\": \"1\", // one\n \"ANTHROPIC_AUTH_TOKEN\": \"<t>\"}}",
		},
		"a comment of several lines": {
			"{\"env\": {\n  \"A\": \"1\", /* one\n  and more */ \"ANTHROPIC_API_KEY\": \"k\" /* old\n  key */\n}}",
			"{\"env\": {\n  \"A\": \"1\", /* one\n  and more */ /* old\n  key */\n  \"ANTHROPIC_AUTH_TOKEN\": \"<t>\",\n  \"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:3000\"\n}}",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := edited(t, test.before, set, "ANTHROPIC_API_KEY"); got != test.after {
				t.Errorf("got\n%s\nwant\n%s", got, test.after)
			}
		})
	}
}

// TestATextThatDoesNotSayWhatWasMeantIsNotGiven puts a comment where it swallows a member.
func TestATextThatDoesNotSayWhatWasMeantIsNotGiven(t *testing.T) {
	s, err := Read([]byte("{\"env\": {\"A\": \"1\", \"B\": \"2\"\n}}"))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := s.Checked(); err != nil || string(text) != string(s.Text()) {
		t.Errorf("%q, %v", text, err)
	}
	for _, comment := range []string{"// all on this line ", "// up to there\n", "/* without an end "} {
		s.env().Members[1].Name.BeforeExtra = hujson.Extra(comment)
		if _, err := s.Checked(); (err == nil) != strings.HasSuffix(comment, "\n") || err != nil && !errors.Is(err, ErrUnwritable) {
			t.Errorf("%q: %v", comment, err)
		}
	}
}

func TestRestoreGivesBackWhatWasThere(t *testing.T) {
	set := map[string]string{"A": "new", "B": "new"}
	names := []string{"A", "B", "C"}
	for _, before := range []string{
		"", "{}", `{"env":{"A":"old"}}`, "{\n  \"env\": {\n    \"C\": \"gone\",\n    \"A\": 7\n  },\n  \"x\": null\n}", `{"x":1}`,
	} {
		was, err := Read([]byte(before))
		if err != nil {
			t.Fatal(err)
		}
		now, err := Read([]byte(edited(t, before, set, "C")))
		if err != nil {
			t.Fatal(err)
		}
		now.Restore(was, names)
		if !now.Equal(was) {
			t.Errorf("of %q came back %q", before, now.Text())
		}
	}
	// What the user wrote since stays.
	was, _ := Read([]byte(`{"env":{"A":"old"}}`))
	now, err := Read([]byte(strings.Replace(edited(t, `{"env":{"A":"old"}}`, set), "{", `{"theme":"dark",`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	now.Restore(was, names)
	if got := string(now.canonical()); got != `{"env":{"A":"old"},"theme":"dark"}` || now.Equal(was) {
		t.Errorf("got %s", got)
	}
}

func TestWhatIsNoSettingsFileIsRefusedByItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"[]": "no object", `{"env": []}`: "env is no object", "{\n  \"env\": {\n    \"K\": secret\n": "line 3", `{"a":1,"a":2}`: "twice", strings.Repeat("[", 1<<20): "brackets", "{\"env\":{\"A\":\"1\",\"A\":\"2\"}}": "twice",
	} {
		_, err := Read([]byte(text))
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error repeats the file: %v", err)
		}
	}
}

func TestAModelOfAnotherProviderIsTold(t *testing.T) {
	env := map[string]string{
		"ANTHROPIC_MODEL": "Opus[1M]", "CLAUDE_CODE_SUBAGENT_MODEL": "inherit", "ANTHROPIC_DEFAULT_HAIKU_MODEL": " claude-haiku-4-5 ",
		"ANTHROPIC_DEFAULT_OPUS_MODEL": "kimi-k3[1m]", "CLAUDE_CODE_WORKFLOW_SUBAGENT_MODEL": "us.anthropic.claude-opus-4-6-v1",
	}
	if got := strings.Join(ForeignModels(env), " "); got != "ANTHROPIC_DEFAULT_OPUS_MODEL CLAUDE_CODE_WORKFLOW_SUBAGENT_MODEL" {
		t.Errorf("got %s", got)
	}
}

// FuzzEdit edits any file: what comes out is one again, holds what was set, and gives back what was there.
func FuzzEdit(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"env":{}}`, "{\n\t\"a\": 1, // x\n\t\"env\": {\"A\": \"1\", /*y*/ \"B\": \"2\",},\n}", "\ufeff{}", "{\"env\": { \"X\": \"1\", \"Y\": \"2\" // both\n }}", "{\"env\": {\"A\": \"1\", // x\n \"B\": \"2\", \"C\": \"3\"}}", "{\"env\": {\"X\": \"1\", /* x\n y */ \"B\": \"2\", \"C\": \"3\" /* z\r\n */}}", "{\"env\": {\n/* a\n b */ \"X\": 1}}", `{"env":{"A":null}}`, `{"\u0065nv":{"\u0041":"x"}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, before string) {
		was, err := Read([]byte(before))
		if err != nil {
			return
		}
		if was.written && string(was.Text()) != before {
			t.Fatalf("%q became %q before it was edited", before, was.Text())
		}
		s, _ := Read([]byte(before))
		s.Edit(map[string]string{"A": "a\"\n\u2028<", "N": ""}, []string{"B"})
		text := string(s.Text())
		if _, err := s.Checked(); err != nil {
			t.Fatalf("%q became %q: %v", before, text, err)
		}
		now, err := Read([]byte(text))
		if err != nil {
			t.Fatalf("%q became %q: %v", before, text, err)
		}
		if strict, err := hujson.Parse([]byte(before)); err == nil && strict.IsStandard() && !json.Valid([]byte(text)) {
			t.Fatalf("%q became %q, which is no plain JSON", before, text)
		}
		env := now.Env()
		if _, there := env["B"]; there || env["A"] != "a\"\n\u2028<" {
			t.Fatalf("%q became %q", before, text)
		}
		now.Restore(was, []string{"A", "B", "N"})
		if _, err := now.Checked(); err != nil || !now.Equal(was) {
			t.Fatalf("%q became %q and then %q", before, text, now.Text())
		}
	})
}
