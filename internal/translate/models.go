package translate

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"prism/config"
)

// Model is an entry of the list of models.
type Model struct {
	ID      string
	Name    string // for people
	Window  int64  // tokens; 0 = not known
	Output  int64  // tokens; 0 = not known
	Created string // RFC 3339; "" = not known
	Older   bool   // it is there, and not listed
}

// claudeLines are the models of Claude by line, each line newest first. The client shows what is
// called after Claude and nothing else, so a rule that matches such names is shown by them.
func claudeLines() [][]string {
	return [][]string{
		{"claude-opus-5-5", "claude-opus-5", "claude-opus-4-8", "claude-opus-4-7", "claude-opus-4-6", "claude-opus-4-5"},
		{"claude-sonnet-5-5", "claude-sonnet-5", "claude-sonnet-4-6", "claude-sonnet-4-5"},
		{"claude-haiku-5-5", "claude-haiku-4-5"},
		{"claude-fable-5-2", "claude-fable-5-1", "claude-fable-5"},
		{"claude-mythos-5-2", "claude-mythos-5-1", "claude-mythos-5"},
	}
}

// ModelsOf lists what the models of a profile can be asked for as: the names that its rules give;
// for a pattern, the Claude models that it matches, of which the newest of each line is listed; and
// the names that the provider has for them. Like everywhere, the first rule that matches counts.
func ModelsOf(rules []config.ModelRule, profile string) []Model {
	var l modelList
	for i := range rules {
		r := &rules[i]
		if !strings.ContainsAny(r.Match, "*?") {
			l.add(modelOf(r, r.Match, profile))
			continue
		}
		for _, line := range claudeLines() {
			older := false
			for _, id := range line {
				if config.Glob(r.Match, id) && l.first(rules[:i], id) {
					m := modelOf(r, id, profile)
					m.Older = older
					l.add(m)
					older = true
				}
			}
		}
	}
	for i := range rules {
		m := modelOf(&rules[i], rules[i].Use, profile)
		m.Name = rules[i].Use
		l.add(m)
	}
	return l.models
}

func modelOf(r *config.ModelRule, id, profile string) Model {
	name := r.Use
	if profile != "" {
		name += " (" + profile + ")"
	}
	return Model{ID: id, Name: name, Window: r.ContextWindow, Output: r.MaxOutput}
}

// maxModels bounds a list. The largest provider has some hundreds.
const maxModels = 10_000

// modelList is a list in which each id stands once.
type modelList struct {
	models []Model
	seen   map[string]bool
}

func (l *modelList) add(m Model) {
	if m.ID == "" || l.seen[m.ID] || len(l.models) >= maxModels {
		return
	}
	if l.seen == nil {
		l.seen = make(map[string]bool)
	}
	l.seen[m.ID] = true
	l.models = append(l.models, m)
}

// first tells whether none of the rules before matches the name.
func (l *modelList) first(before []config.ModelRule, id string) bool {
	return !slices.ContainsFunc(before, func(r config.ModelRule) bool { return config.Glob(r.Match, id) })
}

// Sizes of a page of models.
const (
	pageModels     = 20
	maxPageModels  = 1000
	unknownCreated = "1970-01-01T00:00:00Z" // what the API says where nobody knows
)

// ModelPage renders a page of models. The query has limit, after_id and before_id, as the API
// knows them; what makes no sense of it counts as not given.
func ModelPage(all []Model, query url.Values) []byte {
	all = slices.DeleteFunc(slices.Clone(all), func(m Model) bool { return m.Older })
	limit := pageModels
	if n, err := strconv.Atoi(query.Get("limit")); err == nil && n > 0 {
		limit = min(n, maxPageModels)
	}
	at := func(id string) int { return slices.IndexFunc(all, func(m Model) bool { return m.ID == id }) }
	more := false
	if i := at(query.Get("before_id")); i >= 0 {
		more, all = i > limit, all[max(0, i-limit):i]
	} else {
		all = all[at(query.Get("after_id"))+1:]
		more, all = len(all) > limit, all[:min(limit, len(all))]
	}
	p := modelPage{Data: make([]modelInfo, 0, len(all)), HasMore: more}
	for i := range all {
		p.Data = append(p.Data, infoOf(&all[i]))
	}
	if n := len(p.Data); n > 0 {
		p.FirstID, p.LastID = &p.Data[0].ID, &p.Data[n-1].ID
	}
	return appendJSON(nil, p)
}

// ModelNamed renders one model, listed or not; nil = there is none of that id.
func ModelNamed(all []Model, id string) []byte {
	i := slices.IndexFunc(all, func(m Model) bool { return m.ID == id })
	if i < 0 {
		return nil
	}
	return appendJSON(nil, infoOf(&all[i]))
}

type modelPage struct {
	Data    []modelInfo `json:"data"`
	FirstID *string     `json:"first_id"`
	LastID  *string     `json:"last_id"`
	HasMore bool        `json:"has_more"`
}

// modelInfo has every key that the API's document demands; null stands for what nobody knows.
type modelInfo struct {
	ID           string    `json:"id"`
	Type         string    `json:"type"`
	DisplayName  string    `json:"display_name"`
	CreatedAt    string    `json:"created_at"`
	Lifecycle    string    `json:"lifecycle"`
	Line         *string   `json:"line"`
	MaxInput     *int64    `json:"max_input_tokens"`
	MaxTokens    *int64    `json:"max_tokens"`
	Capabilities *struct{} `json:"capabilities"`
	DeprecatedAt *string   `json:"deprecated_at"`
	RetiresAt    *string   `json:"retires_at"`
}

func infoOf(m *Model) modelInfo {
	info := modelInfo{ID: m.ID, Type: "model", DisplayName: m.Name, CreatedAt: m.Created, Lifecycle: "active", MaxInput: known(m.Window), MaxTokens: known(m.Output)}
	if info.CreatedAt == "" {
		info.CreatedAt = unknownCreated
	}
	if info.DisplayName == "" {
		info.DisplayName = m.ID
	}
	return info
}

func known(n int64) *int64 {
	if n <= 0 {
		return nil
	}
	return &n
}
