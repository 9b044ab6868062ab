package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Kind says what went wrong on the way to an upstream. Its text is the error_type of the
// ledger.
type Kind string

// The kinds of failure. Dial, DNS and TLS happen before the request is sent.
const (
	KindDial     Kind = "dial"     // no connection: refused, unreachable, timed out
	KindDNS      Kind = "dns"      // the name could not be resolved
	KindTLS      Kind = "tls"      // handshake or certificate
	KindTimeout  Kind = "timeout"  // no answer, or silence within it
	KindReset    Kind = "reset"    // the connection was reset
	KindEOF      Kind = "eof"      // the connection ended too early
	KindProtocol Kind = "protocol" // what came was not HTTP/1.1
	KindCanceled Kind = "canceled" // the caller gave up

	// KindCredential happens before the request is sent: a cloud's login gave no credential for it.
	KindCredential Kind = "credential"
)

// Error is a failure to get an answer, or to get it whole.
type Error struct {
	Kind   Kind
	Reused bool // the connection had served a request before
	Sent   bool // at least a part of the request was written: the provider may have billed it
	Head   bool // response bytes had arrived
	Err    error
}

// Error implements error.
func (e *Error) Error() string { return string(e.Kind) + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Stale tells whether e is what a kept connection shows that the peer closed while it was
// idle: nothing came back, and a fresh connection may well work.
func (e *Error) Stale() bool {
	return e.Reused && !e.Head && (e.Kind == KindEOF || e.Kind == KindReset)
}

// kindOf sorts an I/O error. Errors of a context win: closing the connection is how a
// cancelled exchange is stopped.
func kindOf(ctx context.Context, err error) Kind {
	if ctx.Err() != nil {
		return KindCanceled
	}
	var (
		dns  *net.DNSError
		rec  tls.RecordHeaderError
		cert *tls.CertificateVerificationError
		host x509.HostnameError
		auth x509.UnknownAuthorityError
		alrt tls.AlertError
		ne   net.Error
	)
	switch {
	case errors.As(err, &dns):
		return KindDNS
	case errors.As(err, &rec), errors.As(err, &cert), errors.As(err, &host), errors.As(err, &auth), errors.As(err, &alrt):
		return KindTLS
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return KindTimeout
	case errors.As(err, &ne) && ne.Timeout():
		return KindTimeout
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return KindReset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return KindEOF
	}
	return KindProtocol
}
