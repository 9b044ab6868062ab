package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"prism/internal/ledger"
	"prism/internal/proxy"
)

// portError says who to ask when the port cannot be had.
func portError(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		if who := portHolder(address); who != "" {
			return fmt.Errorf("listen on %s: %w by %s", address, ErrPort, who)
		}
		return fmt.Errorf("listen on %s: %w", address, ErrPort)
	}
	return fmt.Errorf("listen on %s: %w", address, err)
}

// hostsOf lists the Host values that a client on this machine can send for the data port.
func hostsOf(addr net.Addr) []string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return []string{addr.String()}
	}
	hosts := []string{"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() && host != "127.0.0.1" && host != "::1" {
		hosts = append(hosts, net.JoinHostPort(host, port))
	}
	return hosts
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// quietLog takes what net/http has to say about single connections: nothing a person acts on.
func quietLog(l zerolog.Logger) *log.Logger {
	return log.New(lineWriter{l}, "", 0)
}

type lineWriter struct{ log zerolog.Logger }

// Write implements io.Writer.
func (w lineWriter) Write(b []byte) (int, error) {
	w.log.Debug().Str(keyDetail, strings.TrimSpace(string(b))).Msg("connection failed")
	return len(b), nil
}

var _ io.Writer = lineWriter{}

// closeCrashed closes what an earlier run left open, at the prices of the live table.
func (d *Daemon) closeCrashed() int {
	table := d.router.Table()
	n, err := CloseCrashed(d.journal, d.recovered, func(e *ledger.Entry) {
		terms := proxy.Terms{}
		if r := table.Route(e.Profile); r != nil {
			terms = proxy.Terms{Multiplier: r.Profile.Multiplier, FlatFee: r.Profile.FlatFee}
		}
		proxy.Price(table.Book, terms, e)
	})
	if err != nil {
		d.log.Error().Err(err).Msg("crashed exchanges not recorded")
	}
	for _, e := range d.recovered.Open {
		d.tally.Add(e)
	}
	d.recovered = nil
	return n
}

// trims returns how long after the start, and then after each other, the pages are given back
// that only the start needed: once what listens is up, after the first fold, and when what the
// first requests touched is known to stay.
func trims() []time.Duration {
	return []time.Duration{300 * time.Millisecond, 5 * time.Second, time.Minute}
}

// loops starts what runs beside the servers; each ends with ctx.
func (d *Daemon) loops(ctx context.Context) *sync.WaitGroup {
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := d.loop.Run(ctx); err != nil {
			d.log.Error().Err(err).Msg("fold loop ended")
		}
	})
	wg.Go(func() { d.reloadLoop(ctx) })
	wg.Go(func() { d.keepTally(ctx) })
	wg.Go(func() { d.notices.Run(ctx) })
	wg.Go(func() { d.alerts.Run(ctx) })
	wg.Go(func() { d.keepPlaces(ctx) })
	wg.Go(func() { d.tellHealth(ctx) })
	wg.Go(func() { d.keepWatchdog(ctx) })
	continued := make(chan os.Signal, 1)
	notifyContinued(continued) // who is told that the gateway has started may stop it at once
	wg.Go(func() { d.keepAwake(ctx, continued) })
	wg.Go(func() {
		for _, wait := range trims() {
			select {
			case <-time.After(wait):
				releasePages()
			case <-ctx.Done():
				return
			}
		}
	})
	return &wg
}

// closeJournal syncs what was written.
func (d *Daemon) closeJournal() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := d.journal.Shutdown(ctx); err != nil {
		d.log.Error().Err(err).Msg("journal not closed cleanly")
	}
}
