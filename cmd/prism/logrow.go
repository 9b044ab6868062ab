package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/stream"
)

// follower is condition for what finishes while one waits. Rows of other machines do not come
// this way.
func (o logsOptions) follower(re *regexp.Regexp) func(admin.Exchange) bool {
	type pattern struct {
		re    *regexp.Regexp
		names func(admin.Exchange) string
	}
	var all []pattern
	add := func(want string, names func(admin.Exchange) string) {
		if want != "" {
			all = append(all, pattern{regexp.MustCompile(wildcard(want)), names})
		}
	}
	add(o.profile, func(x admin.Exchange) string { return x.Profile })
	add(o.model, func(x admin.Exchange) string {
		return strings.Join([]string{x.RequestModel, x.UpstreamModel, x.ResponseModel}, "\n")
	})
	add(o.project, func(x admin.Exchange) string { return x.Project })
	add(o.branch, func(x admin.Exchange) string { return x.GitBranch })
	add(o.session, func(x admin.Exchange) string { return x.SessionID })
	return func(x admin.Exchange) bool {
		for _, p := range all {
			if !p.re.MatchString(p.names(x)) {
				return false
			}
		}
		if o.outcome != "" && x.Outcome != o.outcome || o.minCost != "" && (x.CostUSD == nil || compareMoney(*x.CostUSD, o.minCost) < 0) {
			return false
		}
		return tagged(x.Tags, o.tags) && statusMatches(o.status, x) &&
			re.MatchString(strings.Join([]string{x.RequestID, x.SessionID, x.RequestModel, x.UpstreamModel, x.ErrorType, x.ErrorMessage}, " "))
	}
}

func tagged(tags map[string]string, want []string) bool {
	for _, w := range want {
		k, v, exact := strings.Cut(w, "=")
		if got, ok := tags[k]; !ok || exact && got != v {
			return false
		}
	}
	return true
}

// layoutOf names the day where it is not today.
func layoutOf(now, t time.Time) string {
	if t.Before(midnight(now)) {
		return "2006-01-02 15:04:05"
	}
	return time.TimeOnly
}

func statusMatches(want string, x admin.Exchange) bool {
	switch {
	case want == "":
		return true
	case want == "error":
		return ledger.Failed(x.Outcome)
	case want == "ok":
		return x.Outcome == ledger.OutcomeOK
	case strings.HasSuffix(want, "xx"):
		return fmt.Sprint(x.HTTPStatus/100)+"xx" == want
	default:
		return fmt.Sprint(x.HTTPStatus) == want
	}
}

func (a *app) logRow(x admin.Exchange) []cell {
	value := func(c stream.Count) *int64 {
		if !c.Known() {
			return nil
		}
		n := int64(c)
		return &n
	}
	cost := ""
	if x.CostUSD != nil {
		cost = *x.CostUSD
	}
	attempts := int64(x.Attempts)
	sent := x.UpstreamModel
	shownSent := textCell(sent)
	if sent == x.RequestModel {
		shownSent = textAs("=", sent)
	}
	return []cell{
		timeCell(x.StartedAt, layoutOf(a.now(), x.StartedAt)), textCell(x.RequestID), textCell(x.Profile), textCell(firstOf(x.RequestModel, x.Operation)), shownSent,
		a.wordCell(statusOf(x)), msCell(value(x.TTFTMS)), msCell(value(x.DurationMS)), tokenCell(value(x.PromptTokens)),
		percentCell(value(x.CacheRead), value(x.PromptTokens)), tokenCell(value(x.OutputTokens)), moneyCell(cost), countCell(&attempts), a.errorCell(x),
		textCell(x.Project), textCell(x.GitBranch), textCell(x.SessionID), textCell(x.AgentID), textCell(x.RetryOf),
	}
}

// errorCell marks what the client sent again.
func (a *app) errorCell(x admin.Exchange) cell {
	text := x.ErrorType
	if x.RetryOf != "" {
		text = strings.TrimSpace(a.text("%s (retry)", text))
	}
	return textAs(text, x.ErrorType)
}

// statusOf tells the truth: a stream that broke began with a 200.
func statusOf(x admin.Exchange) string {
	switch x.Outcome {
	case "ok", "error", "blocked":
		if x.HTTPStatus != 0 {
			return fmt.Sprint(x.HTTPStatus)
		}
		return x.Outcome
	case "client_abort":
		return "client left"
	default:
		return x.Outcome
	}
}
