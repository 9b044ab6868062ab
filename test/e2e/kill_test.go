//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/simulator"
)

// The moments at which prism is killed.
const (
	killAnyTime    = "at any time"
	killInStart    = "while it starts"
	killInFold     = "in a fold"
	killCommitted  = "in a fold, committed"
	killCheckpoint = "in a checkpoint"
	killArchiving  = "while archiving"
	killChildOnly  = "the fold's process alone"
)

// killer kills prism in a house at moments that it chooses.
type killer struct {
	h    *house
	rnd  *rand.Rand
	hits map[string]int
	took []time.Duration // from each start to the first answer
}

// TestEveryRequestHasExactlyOneRowWhateverIsKilled kills prism with SIGKILL under load: at random
// times, while it starts, and at chosen moments of a fold, which is frozen with SIGSTOP so that it
// is known where it stood. Every request has a session id of its own; whatever the provider saw of
// it must be one row in the end.
func TestEveryRequestHasExactlyOneRowWhateverIsKilled(t *testing.T) {
	rounds, clients := 16, 16
	if soak() {
		rounds, clients = 300, 32
	}
	h := prepare(t)
	h.work.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four five six seven", 5), simulator.Jitter(7, 0, 12*time.Millisecond))))
	var n atomic.Int64
	l := h.begin(t, clients, func() string { return fmt.Sprintf("session-%06d", n.Add(1)) })
	seed := uint64(time.Now().UnixNano())
	if v, err := strconv.ParseUint(os.Getenv("PRISM_SEED"), 10, 64); err == nil {
		seed = v
	}
	t.Logf("PRISM_SEED=%d", seed)
	k := &killer{h: h, rnd: rand.New(rand.NewPCG(seed, 2)), hits: map[string]int{}}
	moments := []string{killAnyTime, killInFold, killInStart, killCommitted, killAnyTime, killCheckpoint, killArchiving, killChildOnly}
	for i := range rounds {
		k.round(t, moments[i%len(moments)])
	}
	// A machine that has much to do misses many of those moments.
	for began := time.Now(); !k.enough(rounds) && time.Since(began) < limit; {
		k.round(t, killCheckpoint)
	}
	l.end()
	cmd, took := h.launch(t)
	k.took = append(k.took, took)
	stop(t, cmd)
	k.report(t, rounds)
	h.checkSessions(t, l)
	if out, err := h.prism("ledger", "verify"); err != nil {
		t.Errorf("prism ledger verify: %v\n%s", err, out)
	}
}

// round starts prism and kills it at the moment.
func (k *killer) round(t *testing.T, moment string) {
	t.Helper()
	if moment == killInStart {
		cmd := exec.Command(os.Getenv("PRISM_BIN"), "serve")
		cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = k.h.log, k.h.log, k.h.env, k.h.dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(k.rnd.IntN(150)) * time.Millisecond)
		k.kill(t, moment, cmd)
		return
	}
	cmd, took := k.h.launch(t)
	k.took = append(k.took, took)
	time.Sleep(time.Duration(20+k.rnd.IntN(500)) * time.Millisecond)
	if moment == killAnyTime {
		k.kill(t, moment, cmd)
		return
	}
	// The moment of a fold is short, and may be over before it is found.
	for range 5 {
		if k.inFold(t, cmd, moment) {
			return
		}
	}
	k.kill(t, killAnyTime, cmd)
}

// inFold has prism fold, and kills at the moment of it. It reports false if the fold was over
// before.
func (k *killer) inFold(t *testing.T, cmd *exec.Cmd, moment string) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	folded := make(chan struct{})
	go func() {
		defer close(folded)
		_, _ = admin.Dial(k.h.path("run", "prism", "prism.sock")).Fold(ctx)
	}()
	child, ok := k.h.freeze(cmd.Process.Pid, k.moment(moment), folded)
	if !ok {
		<-folded
		return false
	}
	both := []int{child, cmd.Process.Pid}
	switch {
	case moment == killChildOnly:
		_ = syscall.Kill(child, syscall.SIGKILL)
		<-folded
		k.hits[moment]++
		k.kill(t, "", cmd) // the fold begins anew with the next start
		return true
	case k.rnd.IntN(2) == 0:
		slices.Reverse(both)
	}
	for _, pid := range both {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	k.kill(t, moment, cmd)
	<-folded
	return true
}

// kill sends SIGKILL and notes the moment.
func (k *killer) kill(t *testing.T, moment string, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if moment != "" {
		k.hits[moment]++
	}
}

// moment returns what is seen on disk while a fold is at that moment.
func (k *killer) moment(name string) func() bool {
	data := k.h.path("data", "prism")
	file, wal, archive := filepath.Join(data, "ledger.duckdb"), filepath.Join(data, "ledger.duckdb.wal"), filepath.Join(data, "archive")
	committed := func() bool {
		st, err := os.Stat(wal)
		return err == nil && st.Size() > 0
	}
	var before time.Time
	if st, err := os.Stat(file); err == nil {
		before = st.ModTime()
	}
	switch name {
	case killCommitted:
		return committed
	case killCheckpoint:
		// The rows are in the log and the file is being written.
		return func() bool {
			st, err := os.Stat(file)
			return committed() && err == nil && st.ModTime().After(before)
		}
	case killArchiving:
		return func() bool {
			found, err := filepath.Glob(filepath.Join(archive, "*.tmp"))
			return err == nil && len(found) > 0
		}
	}
	wait := time.Now().Add(time.Duration(k.rnd.IntN(60)) * time.Millisecond)
	return func() bool { return time.Now().After(wait) }
}

// freeze stops the fold's process, a child of prism, as soon as it is at a moment, and tells
// whether it is there still. Else it lets it go on, until the fold is over.
func (h *house) freeze(prism int, at func() bool, over <-chan struct{}) (child int, ok bool) {
	for {
		select {
		case <-over:
			return 0, false
		default:
		}
		if child == 0 {
			child = childOf(prism)
			continue
		}
		if !at() {
			continue
		}
		if syscall.Kill(child, syscall.SIGSTOP) != nil || childOf(prism) != child {
			return 0, false
		}
		if stopped(child) && at() {
			return child, true
		}
		_ = syscall.Kill(child, syscall.SIGCONT)
	}
}

// childOf returns a child of the process; 0 if it has none.
func childOf(pid int) int {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0
	}
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		if first, _, _ := strings.Cut(string(b), " "); first != "" {
			child, _ := strconv.Atoi(first)
			return child
		}
	}
	return 0
}

// stopped waits until the process has stopped; it reports false if it has ended.
func stopped(pid int) bool {
	for {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return false
		}
		switch fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])); fields[0] {
		case "T":
			return true
		case "Z", "X":
			return false
		}
	}
}

// report says where prism was killed, and how long the starts took.
func (k *killer) report(t *testing.T, rounds int) {
	t.Helper()
	for moment, n := range k.hits {
		t.Logf("%-26s killed %d times", moment, n)
	}
	slices.Sort(k.took)
	at := func(q float64) time.Duration { return k.took[int(q*float64(len(k.took)-1))].Round(time.Millisecond) }
	t.Logf("start to first answer: p50 %v, p99 %v, max %v", at(0.5), at(0.99), at(1))
	if !k.enough(rounds) {
		t.Errorf("too few of %d were killed within a fold: %v", rounds, k.hits)
	}
	if soak() && at(0.99) > time.Second {
		t.Errorf("a start after a kill took %v (p99), want less than a second", at(0.99))
	}
}

// enough tells whether so many were killed within a fold that the test means something.
func (k *killer) enough(rounds int) bool {
	inFold := 0
	for moment, n := range k.hits {
		if moment != killAnyTime && moment != killInStart {
			inFold += n
		}
	}
	return inFold >= rounds/4 && k.hits[killCommitted]+k.hits[killCheckpoint] > 0
}

// checkSessions compares the ledger with what the provider saw: a row for each session, one row,
// and in those that are final what the provider billed.
func (h *house) checkSessions(t *testing.T, l *load) {
	t.Helper()
	h.wait(t, "the provider is done", func() bool { seen, ended := h.work.Requests(); return seen == ended })
	seen := map[string]*simulator.Billed{}
	bills := h.work.Bill()
	for i := range bills {
		if b := &bills[i]; b.Operation == simulator.OpMessages {
			if seen[b.SessionID] != nil {
				t.Errorf("session %s was sent to the provider twice", b.SessionID)
			}
			seen[b.SessionID] = b
		}
	}
	rows, doubled, wrong := map[string]bool{}, 0, 0
	for _, r := range h.query(t, "select session_id, usage_source, coalesce(input_tokens, -1) as i, coalesce(output_tokens, -1) as o from requests") {
		id := r.text("session_id")
		if rows[id] {
			doubled++
		}
		rows[id] = true
		if b := seen[id]; r.text("usage_source") == "final" && (b == nil || r.num(t, "i") != b.Charged.Input || r.num(t, "o") != b.Charged.Output) {
			wrong++
		}
	}
	lost := 0
	for id := range seen {
		if !rows[id] {
			lost++
		}
	}
	outcomes := h.query(t, "select outcome, count(*) as n from requests group by all order by n desc")
	t.Logf("%d requests sent, %d answered whole, %d seen by the provider, %d rows: %d lost, %d doubled, %d with a wrong usage; outcomes %v",
		l.sent.Load(), l.good.Load(), len(seen), len(rows), lost, doubled, wrong, outcomes)
	if lost != 0 || doubled != 0 || wrong != 0 {
		t.Errorf("%d requests without a row, %d with more than one, %d with a wrong usage", lost, doubled, wrong)
	}
	if len(seen) == 0 {
		t.Error("the provider saw nothing")
	}
}

// prism runs a command of prism in the house.
func (h *house) prism(args ...string) (string, error) {
	cmd := exec.Command(os.Getenv("PRISM_BIN"), args...)
	cmd.Env, cmd.Dir = h.env, h.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}
