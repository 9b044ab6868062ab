package simulator

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Login is the token endpoint of Google for one service account. Its tokens are token-1, token-2, and
// so on.
type Login struct {
	key   *rsa.PrivateKey
	lives time.Duration
	asked atomic.Int64
}

// NewLogin returns a login whose tokens live so long.
func NewLogin(lives time.Duration) *Login {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return &Login{key: key, lives: lives}
}

// Start serves the login on a port of loopback. Close it.
func (l *Login) Start() *Running {
	ln, err := listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return (&Server{}).serveAs(l, ln, "http://", nil)
}

// File is the key file of the service account, as GOOGLE_APPLICATION_CREDENTIALS names it. url is
// where the login runs.
func (l *Login) File(url string) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(l.key)
	if err != nil {
		panic(err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "prism@example.invalid", "private_key_id": "1", "token_uri": url,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		panic(err)
	}
	return file
}

// Asked is how many tokens were given out.
func (l *Login) Asked() int64 { return l.asked.Load() }

// ServeHTTP answers a request for a token.
func (l *Login) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.Method != http.MethodPost || r.PostFormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || !l.signed(r.PostFormValue("assertion")) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	token := fmt.Sprintf("token-%d", l.asked.Add(1))
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(l.lives.Seconds())})
}

// signed verifies what is said to come from the account.
func (l *Login) signed(assertion string) bool {
	dot := strings.LastIndexByte(assertion, '.')
	if dot < 0 {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(assertion[dot+1:])
	sum := sha256.Sum256([]byte(assertion[:dot]))
	return err == nil && rsa.VerifyPKCS1v15(&l.key.PublicKey, crypto.SHA256, sum[:], signature) == nil
}
