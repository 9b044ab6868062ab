package duckdb

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// ErrBusy is what a [BusyError] is.
var ErrBusy = errors.New("ledger is held by another process")

// BusyError says that another process has the file open in a way that shuts us out.
type BusyError struct {
	Program string // its name; "" = unknown
	PID     int    // 0 = unknown
}

// Error names the process.
func (e *BusyError) Error() string { return "ledger is held by " + e.Holder() }

// Is makes errors.Is(err, ErrBusy) true.
func (e *BusyError) Is(target error) bool { return target == ErrBusy }

// Holder returns the process as in "duckdb (PID 10367)".
func (e *BusyError) Holder() string {
	program := e.Program
	if program == "" {
		program = "another process"
	}
	if e.PID == 0 {
		return program
	}
	return fmt.Sprintf("%s (PID %d)", program, e.PID)
}

// conflict is DuckDB's message about a lock: "Conflicting lock is held in /usr/bin/duckdb
// (PID 10367) by user alice.".
var conflict = regexp.MustCompile(`Conflicting lock is held in (.*?) ?\(PID (\d+)\)`)

// busy returns the holder that an error of DuckDB names, or nil if it is about something else.
func busy(err error) *BusyError {
	if err == nil {
		return nil
	}
	text := err.Error()
	if m := conflict.FindStringSubmatch(text); m != nil {
		pid, _ := strconv.Atoi(m[2])
		return &BusyError{Program: filepath.Base(strings.TrimSpace(m[1])), PID: pid}
	}
	if strings.Contains(text, "Could not set lock on file") || strings.Contains(text, "different configuration than existing connections") {
		return &BusyError{}
	}
	return nil
}

// damaged tells whether an error says that the file, or the instance, cannot be used any more.
// DuckDB has no error codes for that.
func damaged(err error) bool {
	if err == nil || errors.Is(err, ErrBusy) {
		return false
	}
	text := err.Error()
	for _, ours := range []string{"No space left", "Permission denied", "Read-only file system", "newer version", "Too many open files", "context canceled", "context deadline"} {
		if strings.Contains(text, ours) {
			return false
		}
	}
	for _, theirs := range []string{
		"FATAL", "INTERNAL", "invalidated", "orrupt", "replaying WAL", "not a valid DuckDB database", "checksum",
		"Serialization Error", "Unsupported version", "Could not read enough bytes", "WAL", "disagree",
	} {
		if strings.Contains(text, theirs) {
			return true
		}
	}
	return false
}

// What the system refuses when a ledger is written.
var (
	ErrFull     = errors.New("the disk is full")
	ErrReadOnly = errors.New("the file system is read-only")
)

// inShort returns the error for which the system did not let us write, if err is about that, and
// err itself if not. DuckDB says it in many words of its own, and what went wrong because of it
// besides.
func inShort(err error) error {
	if err == nil {
		return nil
	}
	switch text := strings.ToLower(err.Error()); {
	case strings.Contains(text, "no space left"), strings.Contains(text, "quota exceeded"):
		return ErrFull
	case strings.Contains(text, "read-only file system"):
		return ErrReadOnly
	}
	return err
}

// unreadable tells whether an error is about the text of a record.
func unreadable(err error) bool {
	text := err.Error()
	return strings.Contains(text, "alformed JSON") || strings.Contains(text, "Conversion Error") || strings.Contains(text, "Invalid Input Error")
}
