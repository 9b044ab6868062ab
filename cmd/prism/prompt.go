package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// ask prints a question on stderr and returns the line that is typed. Ctrl-C cancels it: a
// read of the terminal alone would not notice.
func (a *app) ask(ctx context.Context, question string) (string, error) {
	return a.answer(ctx, question, func() (string, error) {
		line, err := bufio.NewReader(a.in).ReadString('\n')
		return strings.TrimSpace(line), err
	})
}

// askHidden is ask for what must not be seen.
func (a *app) askHidden(ctx context.Context, question string) (string, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("ask: %w", err)
	}
	defer fmt.Fprintln(a.err)
	// A question that was cancelled is still being read: the echo comes back all the same.
	defer func() { _ = term.Restore(fd, before) }()
	return a.answer(ctx, question, func() (string, error) {
		b, err := term.ReadPassword(fd)
		return strings.TrimSpace(string(b)), err
	})
}

func (a *app) answer(ctx context.Context, question string, read func() (string, error)) (string, error) {
	fmt.Fprint(a.err, question)
	type reply struct {
		line string
		err  error
	}
	typed := make(chan reply, 1)
	go func() {
		line, err := read()
		typed <- reply{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-typed:
		return r.line, r.err
	}
}
