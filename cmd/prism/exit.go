package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"prism/config"
	"prism/internal/admin"
)

// Exit codes; `prism help exit-codes` prints them. Numbers are coarse, the stable detail is
// the code of the error.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitConfig      = 3
	exitSecrets     = 4
	exitNotRunning  = 5
	exitNotFound    = 6
	exitUnhealthy   = 7
	exitOverBudget  = 8
	exitRefused     = 9
	exitOccupied    = 78 // EX_CONFIG: a service manager must not try again
	exitRunFailed   = 125
	exitNotExec     = 126
	exitNoCommand   = 127
	exitInterrupted = 130
)

// Codes of errors, as they stand in JSON.
const (
	codeUsage          = admin.CodeUsage
	codeConfigInvalid  = "config_invalid"
	codeConfigUnsealed = "config_unsealed"
	codeNoKey          = "secret_no_key"
	codeMAC            = "secret_mac"
	codeSecretFormat   = "secret_format"
	codeClearText      = "clear_text"
	codePin            = "pin_mismatch"
	codeNotRunning     = "not_running"
	codeNotFound       = admin.CodeNotFound
	codeUnhealthy      = "unhealthy"
	codeOverBudget     = "over_budget"
	codeNoPrice        = "no_price"
	codeNotSelect      = "sql_not_select"
	codeSQL            = "sql_error"
	codeBusy           = "ledger_busy"
	codeFileChanged    = "file_changed"
	codeReadOnly       = "file_read_only"
	codeFewer          = "fewer_rows"
	codeReferenced     = "profile_in_use"
	codeOccupied       = "occupied"
	codeNotExecutable  = "not_executable"
	codeNoCommand      = "no_command"
	codeInternal       = admin.CodeInternal
)

// childError is how the command of `prism run` ended; it has spoken for itself.
type childError struct{ code int }

func (c childError) Error() string { return fmt.Sprintf("exit status %d", c.code) }

// runError is an error of prism itself under `prism run`: the exit code tells it from one of
// the command, the code in JSON stays what it is.
type runError struct{ err error }

func (r runError) Error() string { return r.err.Error() }

func (r runError) Unwrap() error { return r.err }

// quietError ends a command with the exit code of code after the report on stdout has said why.
type quietError struct{ code string }

func (q quietError) Error() string { return q.code }

// exitCode is the only place where an error becomes a number.
func exitCode(err error) int {
	if child, ended := errors.AsType[childError](err); ended {
		return child.code
	}
	if q, said := errors.AsType[quietError](err); said {
		return exitOfCode(q.code)
	}
	code := exitOfCode(describe(err).Code)
	if _, ours := errors.AsType[runError](err); ours && code != exitNotExec && code != exitNoCommand {
		return exitRunFailed
	}
	return code
}

func exitOfCode(code string) int {
	switch code {
	case codeUsage:
		return exitUsage
	case codeConfigInvalid, codeConfigUnsealed, codeSecretFormat:
		return exitConfig
	case codeNoKey, codeMAC, codeClearText:
		return exitSecrets
	case codeNotRunning:
		return exitNotRunning
	case codeNotFound:
		return exitNotFound
	case codeUnhealthy:
		return exitUnhealthy
	case codeOverBudget:
		return exitOverBudget
	case codePin, codeNotSelect, codeFileChanged, codeReadOnly, codeFewer, codeReferenced:
		return exitRefused
	case codeOccupied:
		return exitOccupied
	case codeNotExecutable:
		return exitNotExec
	case codeNoCommand:
		return exitNoCommand
	default:
		return exitFailed
	}
}

// describe turns any error into the one shape that is shown: what, where, and how to mend it.
func describe(err error) *admin.Error {
	var e *admin.Error
	var ps config.Problems
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &ps):
		return worst(ps)
	case errors.Is(err, admin.ErrNotRunning):
		return &admin.Error{Code: codeNotRunning, Message: "the gateway does not run", Fix: "prism serve"}
	case errors.Is(err, config.ErrChanged):
		return &admin.Error{Code: codeFileChanged, Message: "the file was changed by somebody else meanwhile; nothing was written", Fix: "run the command again"}
	case errors.Is(err, config.ErrReadOnly):
		return &admin.Error{Code: codeReadOnly, Message: err.Error(), Fix: "change it where it comes from: the dotfiles, the nix configuration, the mount; or chmod u+w"}
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, admin.ErrInUse):
		return &admin.Error{Code: codeOccupied, Message: err.Error(), Fix: "prism status, or another port: prism serve --listen 127.0.0.1:3010"}
	case errors.Is(err, exec.ErrNotFound):
		return &admin.Error{Code: codeNotFound, Message: err.Error(), Fix: "check the PATH"}
	case isUsage(err):
		return &admin.Error{Code: codeUsage, Message: err.Error(), Fix: "prism help"}
	}
	return &admin.Error{Code: codeInternal, Message: err.Error(), Fix: "prism doctor"}
}

// worst is the first error among ps, with its place.
func worst(ps config.Problems) *admin.Error {
	for _, p := range ps {
		if p.Severity == config.SeverityError {
			return errorOf(p)
		}
	}
	if len(ps) > 0 {
		return errorOf(ps[0])
	}
	return &admin.Error{Code: codeConfigInvalid, Message: "the configuration is invalid", Fix: "prism check"}
}

func errorOf(p config.Problem) *admin.Error {
	fix := p.Fix
	if fix == "" {
		fix = "prism check"
	}
	at := &admin.Position{File: p.File, Line: p.Line, Column: p.Column, Path: p.Path}
	return &admin.Error{Code: p.Code, Message: p.Message, Fix: fix, At: at}
}

// isUsage recognises what cobra itself says about a command line that it cannot read. It
// has no types for these.
func isUsage(err error) bool {
	for _, start := range []string{"unknown command", "unknown flag", "unknown shorthand", "accepts ", "requires ", "invalid argument", "required flag", "if any flags in the group"} {
		if strings.HasPrefix(err.Error(), start) {
			return true
		}
	}
	return false
}

func usagef(fix, format string, args ...any) error {
	return &admin.Error{Code: codeUsage, Message: fmt.Sprintf(format, args...), Fix: fix}
}

func notFound(fix, format string, args ...any) error {
	return &admin.Error{Code: codeNotFound, Message: fmt.Sprintf(format, args...), Fix: fix}
}
