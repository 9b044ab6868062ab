package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// child is a child process of this program that is asked one thing.
type child struct {
	command []string // program and arguments
	env     []string
	limit   time.Duration
}

// ask writes q as JSON to the child's standard input, and reads its answer from its standard
// output into a.
func (c child) ask(ctx context.Context, q, a any) error {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	in, err := json.Marshal(q)
	if err != nil {
		return err
	}
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &complaint
	cmd.Env = c.env
	// An interrupt first: a transaction that is cut off is repeated, but it need not be.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Second
	dieWithParent(cmd)
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("%w: %s", err, lastLine(complaint.String()))
	}
	if err := json.Unmarshal(out.Bytes(), a); err != nil {
		return fmt.Errorf("answer of the worker: %w", err)
	}
	return nil
}
