package dashboard

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// modelSQL is the model that is priced: what the provider says it served, else what was sent, else
// what was asked for.
const modelSQL = "_model(response_model, upstream_model, request_model)"

// unpricedSQL are the requests that ought to have a price and have none.
const unpricedSQL = "_unpriced(operation, usage_source, cost_list_usd)"

// failedSQL are the requests that failed: a client that left is nobody's failure.
const failedSQL = "_failed(outcome)"

// cacheWriteSQL are the tokens that were written to the cache, NULL where nothing is known of them.
const cacheWriteSQL = "coalesce(cache_write_5m_tokens + cache_write_1h_tokens, cache_write_5m_tokens, cache_write_1h_tokens)"

// Bounds of what can be asked for.
const (
	maxValues = 50  // of one name
	maxValue  = 520 // bytes: a name of the ledger has at most 512, a tag with its value 513
	maxSearch = 200 // characters
)

// outcomeFailed stands for all outcomes of [failedSQL].
const outcomeFailed = "failed"

// dimension is something that requests are told apart by.
type dimension struct{ name, expr string }

// dimensions are what requests are filtered by, each with its values.
func dimensions() []dimension {
	return []dimension{
		{"profile", "profile"},
		{"model", modelSQL},
		{"project", "project"},
		{"branch", "git_branch"},
		{"source", "source"},
		{"operation", "operation"},
		{"session", "session_id"},
		{"host", "host_name"},
		{"agent", "agent_id"},
		{"provider", "provider"},
	}
}

// clause is a condition in SQL. The values stand beside the text, never within it.
type clause struct {
	terms  []string
	params map[string]string
}

// and adds a term and the values of its parameters, each after its name.
func (c *clause) and(term string, params ...string) {
	c.terms = append(c.terms, term)
	c.set(params...)
}

func (c *clause) set(params ...string) {
	if c.params == nil {
		c.params = map[string]string{}
	}
	for i := 0; i+1 < len(params); i += 2 {
		c.params[params[i]] = params[i+1]
	}
}

// clone is a clause that terms can be added to.
func (c *clause) clone() clause { return clause{slices.Clone(c.terms), maps.Clone(c.params)} }

// String is the condition, for a where.
func (c *clause) String() string {
	if len(c.terms) == 0 {
		return "true"
	}
	return strings.Join(c.terms, "\n  and ")
}

// placeholder is a parameter in a text of ours; none holds a dollar sign otherwise.
var placeholder = regexp.MustCompile(`\$[a-z_]+\d*`)

// literal is a text with the values in place of its parameters, for a person to read and change.
func (c *clause) literal(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		return "'" + strings.ReplaceAll(c.params[name[1:]], "'", "''") + "'"
	})
}

// filter is which requests are asked for.
type filter struct {
	span     span
	values   map[string][]string // by the name of a dimension; "" = those without one
	outcome  []string
	status   []string
	tags     []string
	search   string
	id       []string // spellings of the id of the one request
	unpriced bool
}

// filterOf reads a filter. usual is the range that holds where none is given.
func (d *Data) filterOf(v url.Values, usual string) (filter, error) {
	s, err := d.spanOf(v, usual)
	if err != nil {
		return filter{}, err
	}
	f := filter{span: s, values: map[string][]string{}, outcome: v["outcome"], status: v["status"], tags: v["tag"], search: strings.TrimSpace(v.Get("q")), unpriced: v.Get("unpriced") == "1"}
	for _, dim := range dimensions() {
		f.values[dim.name] = v[dim.name]
	}
	maps.Copy(f.values, map[string][]string{"outcome": f.outcome, "status": f.status, "tag": f.tags})
	for name, list := range f.values {
		if err := checkValues(name, list); err != nil {
			return f, err
		}
	}
	if utf8.RuneCountInString(f.search) > maxSearch {
		return f, usage("a text that is searched for has %d characters at most", "a shorter q=", maxSearch)
	}
	if !utf8.ValidString(f.search) || strings.ContainsRune(f.search, 0) {
		return f, usage("q= is not text", "leave it out")
	}
	for _, status := range f.status {
		if _, err := statusTerm(status, ""); err != nil {
			return f, err
		}
	}
	return f, nil
}

// table is where the rows of f are found, and what goes to the beginning of the statement.
func (f *filter) table() (with, table string) {
	if f.unpriced {
		return correctedWith, corrected
	}
	return "", "requests"
}

func checkValues(name string, list []string) error {
	if len(list) > maxValues {
		return usage("%d values of %s are too many", "fewer of them", len(list), name)
	}
	for _, value := range list {
		if len(value) > maxValue || !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
			return usage("a value of %s is too long, or not text", "leave it out", name)
		}
	}
	return nil
}

// condition is f in SQL, without what it says of one dimension: "" = with all.
func (f *filter) condition(except string) clause {
	var c clause
	c.within(f.span)
	for _, dim := range dimensions() {
		if dim.name != except {
			c.oneOf(dim.name, dim.expr, f.values[dim.name])
		}
	}
	if except != "outcome" {
		f.outcomes(&c)
	}
	if except != "status" {
		f.statuses(&c)
	}
	f.tagged(&c)
	if f.unpriced {
		c.and(unpricedSQL)
	}
	c.oneOf("id", "request_id", f.id)
	if f.search != "" {
		c.contains(f.search)
	}
	return c
}

// oneOf keeps what has one of the values.
func (c *clause) oneOf(param, expr string, values []string) { c.any(c.among(param, expr, values)) }

// among are the terms of which one is met by what has one of the values.
func (c *clause) among(param, expr string, values []string) (terms []string) {
	var given []string
	without := false
	for i, value := range values {
		if value == "" {
			without = true
			continue
		}
		name := fmt.Sprintf("%s%d", param, i)
		given = append(given, "$"+name)
		c.set(name, value)
	}
	switch len(given) {
	case 0:
	case 1:
		terms = append(terms, expr+" = "+given[0])
	default:
		terms = append(terms, expr+" in ("+strings.Join(given, ", ")+")")
	}
	if without {
		terms = append(terms, expr+" is null")
	}
	return terms
}

// any keeps what meets one of the terms.
func (c *clause) any(terms []string) {
	if len(terms) == 1 {
		c.and(terms[0])
	} else if len(terms) > 1 {
		c.and("(" + strings.Join(terms, " or ") + ")")
	}
}

func (f *filter) outcomes(c *clause) {
	named := slices.DeleteFunc(slices.Clone(f.outcome), func(o string) bool { return o == outcomeFailed })
	terms := c.among("outcome", "outcome", named)
	if len(named) < len(f.outcome) {
		terms = append(terms, failedSQL)
	}
	c.any(terms)
}

func (f *filter) statuses(c *clause) {
	var terms []string
	for i, status := range f.status {
		param := fmt.Sprintf("status%d", i)
		term, err := statusTerm(status, param)
		if err != nil {
			continue // it was looked at before
		}
		if strings.Contains(term, "$") {
			c.set(param, status)
		}
		terms = append(terms, term)
	}
	c.any(terms)
}

// statusTerm is a status, as 429, a class of them, as 5xx, or none.
func statusTerm(status, param string) (string, error) {
	if status == "" {
		return "http_status is null", nil
	}
	if len(status) == 3 && strings.HasSuffix(status, "xx") && status[0] >= '1' && status[0] <= '5' {
		return fmt.Sprintf("http_status between %c00 and %c99", status[0], status[0]), nil
	}
	if n, err := strconv.Atoi(status); err != nil || n < 0 || n > 999 {
		return "", usage("%q is not a status", "status=429, or status=5xx", status)
	}
	return "http_status = $" + param + "::smallint", nil
}

func (f *filter) tagged(c *clause) {
	for i, tag := range f.tags {
		k, v := fmt.Sprintf("tagkey%d", i), fmt.Sprintf("tagvalue%d", i)
		key, value, exact := strings.Cut(tag, "=")
		if exact {
			c.and("tags[$"+k+"] = $"+v, k, key, v, value)
		} else {
			c.and("map_contains(tags, $"+k+")", k, key)
		}
	}
}

// contains keeps what has a text in one of its names. It is no pattern: a percent sign is one. The
// columns that are different in every row are compared as they are, which costs half as much.
func (c *clause) contains(text string) {
	var terms []string
	for _, column := range []string{
		"session_id", "project", "git_branch", "profile", "request_model", "upstream_model", "response_model", "error_type", "error_message", "agent_id", "cwd",
	} {
		terms = append(terms, "contains(lower("+column+"), $lower)")
	}
	for _, column := range []string{"upstream_request_id", "response_id", "request_id"} {
		terms = append(terms, "contains("+column+", $text)")
	}
	terms = append(terms, "contains(request_id, $upper)")
	c.and("("+strings.Join(terms, " or ")+")", "lower", strings.ToLower(text), "text", text, "upper", strings.ToUpper(text))
}
