package cloudauth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/oauth2"
	googleauth "golang.org/x/oauth2/google"
)

// scope is what a token may be used for.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// google is the account that Google's tools would use here: of the environment's file, of a login
// with gcloud, of the machine.
type google struct {
	now func() time.Time

	mu      sync.Mutex
	source  oauth2.TokenSource // guarded by mu; nil until it is needed. It keeps its token
	project string             // guarded by mu; that is charged for the requests of a person; ""
	renewed time.Time          // guarded by mu
}

// Authorize implements [upstream.Authorizer].
func (g *google) Authorize(r *http.Request, _ func() [sha256.Size]byte) (http.Header, error) {
	source, project, err := g.load(r.Context())
	if err != nil {
		return nil, err
	}
	token, err := source.Token()
	if err != nil {
		return nil, fmt.Errorf("token of Google: %w", quiet(err))
	}
	h := http.Header{"Authorization": {"Bearer " + token.AccessToken}}
	if project != "" {
		h.Set("X-Goog-User-Project", project)
	}
	return h, nil
}

func (g *google) load(ctx context.Context) (oauth2.TokenSource, string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.source != nil {
		return g.source, g.project, nil
	}
	// The source keeps this context for every later token, so that it can have no deadline; its
	// client has one.
	ctx = context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, &http.Client{Timeout: loginTimeout})
	c, err := googleauth.FindDefaultCredentials(ctx, scope)
	if err != nil {
		return nil, "", fmt.Errorf("credentials of Google: %w", err)
	}
	g.source, g.project, g.renewed = c.TokenSource, projectOf(c.JSON), g.now()
	return g.source, g.project, nil
}

// projectOf returns the project that a person's credentials name for quotas.
func projectOf(file []byte) string {
	if p := os.Getenv("GOOGLE_CLOUD_QUOTA_PROJECT"); p != "" {
		return p
	}
	var v struct {
		Project string `json:"quota_project_id"`
	}
	_ = json.Unmarshal(file, &v)
	return v.Project
}

// Renew implements [upstream.Authorizer].
func (g *google) Renew() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.source == nil || g.now().Sub(g.renewed) < renewAfter {
		return false
	}
	g.source = nil
	return true
}

// quiet keeps the answer of a login out of an error text: it is as long as the login likes, and
// may repeat what it was sent.
func quiet(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return err
	}
	if refused.ErrorCode != "" {
		return fmt.Errorf("the login says %.64q", refused.ErrorCode)
	}
	return errors.New("the login refused it")
}
