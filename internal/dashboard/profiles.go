package dashboard

import (
	"net/http"
	"slices"

	"prism/config"
	"prism/internal/admin"
)

// profileView is one profile as the page shows it: what the file says, and how it is. Of a key there
// is what a person recognises it by.
type profileView struct {
	Name           string               `json:"name"`
	Active         bool                 `json:"active"`
	Host           string               `json:"host"`
	Origin         string               `json:"origin"`
	Dialect        config.Dialect       `json:"dialect"`
	Auth           config.Auth          `json:"auth"`
	Provider       string               `json:"provider"`
	Preset         string               `json:"preset,omitempty"`
	KeyMasked      string               `json:"key_masked,omitempty"`
	KeyFingerprint string               `json:"key_fingerprint,omitempty"`
	Keys           []admin.KeyStatus    `json:"keys"`
	Pinned         bool                 `json:"pinned"`
	Waits          string               `json:"waits,omitempty"` // why the host that the file names for it has to be confirmed
	State          string               `json:"state"`
	Models         []modelView          `json:"models"`
	Fallback       []string             `json:"fallback"`
	Budgets        []admin.BudgetStatus `json:"budgets"`
	Multiplier     string               `json:"multiplier,omitempty"`
	FlatFee        bool                 `json:"flat_fee"`
	Line           int                  `json:"line,omitempty"` // of the file
}

type modelView struct {
	Match string `json:"match"`
	Use   string `json:"use"`
}

type profilesReply struct {
	Profiles []profileView    `json:"profiles"`
	File     admin.FileStatus `json:"file"`
	Sealed   bool             `json:"sealed"`
}

func (s *Server) profiles(w http.ResponseWriter, r *http.Request) {
	st, err := s.opt.Gateway.Status(r.Context())
	if err != nil {
		s.reply(w, nil, err)
		return
	}
	out := profilesReply{Profiles: []profileView{}, File: st.File, Sealed: s.opt.Sealed == nil || s.opt.Sealed()}
	if live := s.opt.Profiles(); live != nil {
		for i := range live.Profiles {
			out.Profiles = append(out.Profiles, viewOf(&live.Profiles[i], &st))
		}
	}
	s.reply(w, out, nil)
}

func viewOf(p *config.Profile, st *admin.Status) profileView {
	v := profileView{
		Name: p.Name, Active: p.Name == st.Active, Host: p.Host(), Origin: p.Origin(), Dialect: p.Dialect, Auth: p.Auth, Provider: p.Provider,
		Preset: p.Preset, Keys: []admin.KeyStatus{}, Models: []modelView{}, Fallback: append([]string{}, p.Fallback...),
		Budgets: []admin.BudgetStatus{}, Multiplier: p.Multiplier, FlatFee: p.FlatFee, Line: p.Pos.Line,
	}
	for _, m := range p.Models {
		v.Models = append(v.Models, modelView{m.Match, m.Use})
	}
	for _, b := range st.Budgets {
		if b.Scope == "profile:"+p.Name {
			v.Budgets = append(v.Budgets, b)
		}
	}
	i := slices.IndexFunc(st.Profiles, func(ps admin.ProfileStatus) bool { return ps.Name == p.Name })
	if i >= 0 {
		ps := &st.Profiles[i]
		v.KeyMasked, v.KeyFingerprint, v.Keys, v.Pinned, v.Waits, v.State = ps.KeyMasked, ps.KeyFingerprint, ps.Keys, ps.Pinned, ps.Waits, ps.State
	}
	return v
}
