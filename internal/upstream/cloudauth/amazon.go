package cloudauth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
)

// amazon is an account of Amazon as one region sees it.
type amazon struct {
	region string
	now    func() time.Time

	mu          sync.Mutex
	credentials *aws.CredentialsCache // guarded by mu; nil until they are needed
	renewed     time.Time             // guarded by mu; when what was fetched was last forgotten
}

// of returns the credentials that Amazon's tools would use here: of the environment, the files of
// ~/.aws, a login, the machine. The cache behind them fetches anew what is about to expire.
func (a *amazon) of(ctx context.Context) (aws.Credentials, error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	cache, err := a.load(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	c, err := cache.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("credentials of Amazon: %w", err)
	}
	return c, nil
}

func (a *amazon) load(ctx context.Context) (*aws.CredentialsCache, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.credentials != nil {
		return a.credentials, nil
	}
	conf, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(a.region))
	if err != nil {
		return nil, fmt.Errorf("settings of Amazon: %w", err)
	}
	cache, ok := conf.Credentials.(*aws.CredentialsCache)
	if !ok {
		cache = aws.NewCredentialsCache(conf.Credentials)
	}
	a.credentials, a.renewed = cache, a.now()
	return cache, nil
}

// renew forgets what was fetched, the files included: they may have been written anew.
func (a *amazon) renew() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.credentials == nil || a.now().Sub(a.renewed) < renewAfter {
		return false
	}
	a.credentials = nil
	return true
}

// signer signs requests to one service.
type signer struct {
	account *amazon
	service string
}

// Authorize implements [upstream.Authorizer].
func (s *signer) Authorize(r *http.Request, sum func() [sha256.Size]byte) (http.Header, error) {
	c, err := s.account.of(r.Context())
	if err != nil {
		return nil, err
	}
	hash := sum()
	signed := r.Clone(r.Context())
	signed.Header = http.Header{}
	if err := v4.NewSigner().SignHTTP(r.Context(), c, signed, hex.EncodeToString(hash[:]), s.service, s.account.region, s.account.now()); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signed.Header, nil
}

// Renew implements [upstream.Authorizer].
func (s *signer) Renew() bool { return s.account.renew() }

// serviceOf returns the name of the service that answers at a host.
func serviceOf(host string) string {
	label, _, _ := strings.Cut(host, ".")
	switch label {
	case "bedrock-mantle", "aws-external-anthropic":
		return label
	}
	return "bedrock"
}
