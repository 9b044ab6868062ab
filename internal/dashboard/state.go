package dashboard

import (
	"net/http"
	"time"

	"prism/internal/admin"
)

// state is all that the frame of the pages shows at first.
type state struct {
	Status  admin.Status   `json:"status"`
	Live    admin.Live     `json:"live"`
	Swaps   []admin.Swap   `json:"swaps"`   // the newest first
	Notices []admin.Notice `json:"notices"` // the gravest first
	Event   string         `json:"event"`   // id to go on from: GET /api/events?after=
	Lang    string         `json:"lang"`
	Theme   string         `json:"theme"`
	Version string         `json:"version"`
	Zone    string         `json:"zone"` // of the gateway's days, such as Europe/Berlin
}

func (s *Server) state(w http.ResponseWriter, r *http.Request) {
	st, err := s.opt.Gateway.Status(r.Context())
	if err != nil {
		s.reply(w, nil, err)
		return
	}
	live, err := s.opt.Gateway.Live(r.Context(), 0)
	if err != nil {
		s.reply(w, nil, err)
		return
	}
	s.reply(w, state{
		Status: st, Live: live, Swaps: s.opt.Gateway.Swaps(), Notices: admin.Notices(st), Event: eventID(live.StartedAt, live.Seq),
		Lang: s.shell.language(r), Theme: themeOf(r), Version: s.opt.Version, Zone: s.zone(),
	}, nil)
}

// zone names the zone in which the gateway counts days.
func (s *Server) zone() string {
	if s.opt.Zone != "" {
		return s.opt.Zone
	}
	return time.UTC.String()
}
