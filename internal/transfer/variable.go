package transfer

import (
	"regexp"
	"strings"
)

// expander returns what a text stands for where the values of variables are put in, or the name of a
// variable that it needs and that is not set.
type expander func(text string, getenv func(string) string) (value, missing string)

// dollar matches a variable as claude-code-router writes it: $NAME or ${NAME}.
var dollar = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$[A-Z_][A-Z0-9_]*`)

// dollars puts in the values of $NAME and ${NAME}, also within a text. What is not set stays there, as
// it does in claude-code-router, unless it is clear that a variable was meant.
func dollars(text string, getenv func(string) string) (value, missing string) {
	value = dollar.ReplaceAllStringFunc(text, func(v string) string {
		name := strings.Trim(v, "${}")
		if found := getenv(name); found != "" {
			return found
		}
		if v == text || strings.HasPrefix(v, "${") {
			missing = name
		}
		return v
	})
	return value, missing
}

// environ puts in the value of os.environ/NAME, as LiteLLM writes it.
func environ(text string, getenv func(string) string) (value, missing string) {
	name, ok := strings.CutPrefix(text, environPrefix)
	if !ok {
		return text, ""
	}
	if value = strings.TrimSpace(getenv(name)); value == "" {
		return "", name
	}
	return value, ""
}

const environPrefix = "os.environ/"

// resolve returns what a text of the source stands for, or says why that cannot be known. Where the tool
// itself takes its texts as they are, they are taken so here: else whoever wrote the file could have any
// variable of its reader sent to an address of his own.
func (b *builder) resolve(text string) (value, why string) {
	text = strings.TrimSpace(text)
	if b.expand == nil {
		return text, ""
	}
	value, missing := b.expand(text, b.opt.Getenv)
	switch {
	case missing == "":
		return strings.TrimSpace(value), ""
	case b.found:
		return "", "it needs the variable " + missing + ", which is looked up only where the file is named"
	}
	return "", "it needs the variable " + missing + ", which is not set here"
}

// secret resolves a key, and remembers it.
func (b *builder) secret(text string) (key, why string) {
	if key, why = b.resolve(text); why == "" {
		b.learn(key)
	}
	return key, why
}
