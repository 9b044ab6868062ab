package dashboard

import (
	"net/http"
	"time"

	"prism/internal/admin"
)

// slowAnswer is how long a swap may wait for a key service.
const slowAnswer = 65 * time.Second

type useRequest struct {
	Name string `json:"name"`
}

// use makes another profile active: the same swap as by prism use.
func (s *Server) use(w http.ResponseWriter, r *http.Request) {
	var q useRequest
	err := decode(r, &q)
	if err == nil && q.Name == "" {
		err = &admin.Error{Code: admin.CodeUsage, Message: "no profile named"}
	}
	if err != nil {
		s.reply(w, nil, err)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(slowAnswer))
	v, err := s.opt.Gateway.Use(r.Context(), q.Name)
	s.reply(w, v, err)
}
