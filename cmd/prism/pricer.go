package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"prism/config"
	"prism/internal/daemon"
	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/proxy"
)

// pricer prices entries as the gateway would, from the price book and what the profiles pay.
type pricer struct {
	book     *pricing.Book
	profiles *config.Profiles // nil where the file is missing or cannot be opened
	problem  error            // why it is nil
}

// pricer takes what can be had: without profiles.yaml, or without the key to it, list prices
// are known all the same.
func (a *app) pricer(ctx context.Context, r room) (pricer, error) {
	base, err := a.baseBook(r)
	if err != nil {
		return pricer{}, err
	}
	f, err := a.load(ctx, r, r.paths.Profiles)
	if err != nil {
		return pricer{}, err
	}
	if f.Profiles == nil || f.Problems.Err() != nil {
		p := pricer{book: base, problem: f.Problems.Err()}
		if rows := clearPrices(r.paths.Profiles); rows != nil {
			if own, _ := daemon.BookOf(base, rows); own != nil {
				p.book = own
			}
		}
		return p, nil
	}
	own, problems := daemon.BookOf(base, f.File)
	return pricer{book: own, profiles: f.Profiles}, problems.Err()
}

// profile returns the profile with that name, or nil.
func (p pricer) profile(name string) *config.Profile {
	if p.profiles == nil || name == "" {
		return nil
	}
	return p.profiles.Profile(name)
}

// price fills the cost columns of e.
func (p pricer) price(e *ledger.Entry) {
	terms := proxy.Terms{}
	if own := p.profile(e.Profile); own != nil {
		terms = proxy.Terms{Multiplier: own.Multiplier, FlatFee: own.FlatFee}
	}
	proxy.Price(p.book, terms, e)
}

// anthropic is the provider of every model of that name, wherever it was called.
const anthropic = "anthropic"

// providerOf returns a function that finds the provider of a model where nobody says it: the
// one that the book has a price from, if there is only one.
func (p pricer) providerOf() func(model string, at time.Time) string {
	var providers []string
	for _, row := range p.book.Rows() {
		if row.Provider != "" && !slices.Contains(providers, row.Provider) {
			providers = append(providers, row.Provider)
		}
	}
	return func(model string, at time.Time) string {
		if strings.HasPrefix(model, "claude-") || p.book.Covers(anthropic, model, at) {
			return anthropic
		}
		only := ""
		for _, name := range providers {
			if !p.book.Covers(name, model, at) {
				continue
			}
			if only != "" {
				return ""
			}
			only = name
		}
		return only
	}
}

// tier returns the length in tokens from which on a prompt has other prices, 0 = there is none.
func (p pricer) tier(e *ledger.Entry) int64 {
	p.price(e)
	for _, row := range p.book.Rows() {
		if row.ID == e.PriceID {
			return row.TierOverPromptTokens
		}
	}
	return 0
}
