package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"prism/internal/admin"
	"prism/internal/pricing"
)

// Bounds of fetching a price list.
const (
	fetchTimeout   = 60 * time.Second
	maxFetchHops   = 3
	fetchUserAgent = "prism"
)

// errFetch is what is wrong with an address that a price list would be fetched from.
var errFetch = errors.New("only https, or http on this machine")

// readCatalog reads a price list from a file, from standard input or from an address.
func (a *app) readCatalog(ctx context.Context, from string) ([]byte, error) {
	switch {
	case from == "-":
		return readList(a.in, "standard input")
	case strings.Contains(from, "://"):
		return fetchCatalog(ctx, from)
	}
	st, err := os.Stat(from)
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", from)
	}
	if err != nil {
		return nil, notFound("prism prices update --from FILE", "read the price list: %v", err)
	}
	f, err := os.Open(from)
	if err != nil {
		return nil, fmt.Errorf("read the price list: %w", err)
	}
	defer f.Close()
	return readList(f, from)
}

// readList reads a list that somebody has on this machine.
func readList(r io.Reader, from string) ([]byte, error) {
	data, err := readBounded(r)
	if err != nil {
		return nil, &admin.Error{Code: codeConfigInvalid, Message: fmt.Sprintf("read the price list from %s: %v", from, err), Fix: "prism prices update --from https://models.dev/api.json"}
	}
	return data, nil
}

// readBounded reads a list that must end.
func readBounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, pricing.MaxCatalog+1))
	if err == nil && len(data) > pricing.MaxCatalog {
		err = fmt.Errorf("it is larger than %d MiB", pricing.MaxCatalog>>20)
	}
	return data, err
}

// fetchCatalog gets a list over the network. No cookie, key or login travels with the request.
func fetchCatalog(ctx context.Context, from string) ([]byte, error) {
	u, err := url.Parse(from)
	if err != nil {
		return nil, usagef("prism prices update --from https://HOST/FILE.json", "%q is no address", from)
	}
	if err := mayFetch(u); err != nil {
		return nil, usagef("prism prices update --from https://HOST/FILE.json, or download it and give the file", "%s: %v", u.Redacted(), err)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("fetch the price list: %w", err)
	}
	req.Header.Set("User-Agent", fetchUserAgent)
	req.Header.Set("Accept", "application/json")
	client := &http.Client{CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if len(via) > maxFetchHops {
			return errors.New("too many redirects")
		}
		next.Header.Del("Referer")
		return mayFetch(next.URL)
	}}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return nil, fetchError(u, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fetchError(u, fmt.Errorf("it answered %s", res.Status))
	}
	data, err := readBounded(res.Body)
	if err != nil {
		return nil, fetchError(u, err)
	}
	return data, nil
}

func fetchError(u *url.URL, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // the address is named once
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("it was not there within %s", fetchTimeout)
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("it broke off")
	}
	return &admin.Error{Code: codeInternal, Message: fmt.Sprintf("fetch the price list from %s: %v", u.Redacted(), err), Fix: "download it in another way, then prism prices update --from FILE"}
}

// mayFetch tells whether an address can be trusted with deciding what things cost.
func mayFetch(u *url.URL) error {
	switch {
	case u.User != nil:
		return errors.New("a login in the address is not sent")
	case u.Scheme == "https" && u.Host != "":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return errFetch
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
