package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/pricing"
)

// updateOptions say what to take from a price list.
type updateOptions struct {
	from      string
	providers []string
	dryRun    bool
	accept    bool
}

func newPricesUpdate(a *app) *cobra.Command {
	var o updateOptions
	cmd := &cobra.Command{
		Use:   "update --from FILE|URL",
		Short: "Take prices from models.dev, LiteLLM or a file of rows",
		Long: `Update reads a price list, shows what is new and what changed, and keeps the rows beside those
that prism brings along; your own rows under prices: stay above them. A changed price holds
from now on, a model that is new to the book at any time. A list is fetched once, when you
say so: over https, or http on this machine, without cookies or keys.

Understood are the JSON of models.dev (api.json), that of LiteLLM
(model_prices_and_context_window.json), and the rows that prism prices list --json writes.
Taken are the providers that the book or your profiles know; --provider names others.

What looks odd is held back: a price a hundred times as high, an order that prices do not
have, a tier that the list does not speak of. --accept takes it all the same.`,
		Example: "  prism prices update --from https://models.dev/api.json --dry-run\n  prism prices update --from prices.json --provider openrouter",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.from == "" {
				return usagef("prism prices update --from https://models.dev/api.json", "update needs --from FILE or --from URL")
			}
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.updatePrices(cmd.Context(), r, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "`FILE`, URL, or - for standard input")
	f.StringSliceVar(&o.providers, "provider", nil, "take this `provider`, too; may be given more than once")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would change, and change nothing")
	f.BoolVar(&o.accept, "accept", false, "take what looks odd as well")
	return cmd
}

// priceUpdate is a price list held against the book.
type priceUpdate struct {
	From      string           `json:"from"`
	Shape     string           `json:"shape"`
	DryRun    bool             `json:"dry_run"`
	New       int              `json:"new"`
	Changed   int              `json:"changed"`
	Unchanged int              `json:"unchanged"`
	Held      int              `json:"held"`
	Aside     int              `json:"left_aside"` // rows of providers that were not asked for
	Rows      []updateRow      `json:"rows"`       // what is new, changed or held
	Skipped   []pricingSkipped `json:"skipped"`
}

type updateRow struct {
	Change string       `json:"change"`
	Held   bool         `json:"held"`
	Doubts []string     `json:"doubts"`
	Row    pricing.Row  `json:"row"`
	Before *pricing.Row `json:"before"`
}

type pricingSkipped struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

func (a *app) updatePrices(ctx context.Context, r room, o updateOptions) error {
	rows, state, err := daemon.ReadPrices(r.paths.Prices)
	if err != nil {
		return &admin.Error{Code: codeConfigInvalid, Message: err.Error(), Fix: "rm " + shellQuote(r.paths.Prices), At: &admin.Position{File: r.paths.Prices}}
	}
	base, err := daemon.BaseBook(r.paths.Prices)
	if err != nil {
		return err
	}
	data, err := a.readCatalog(ctx, o.from)
	if err != nil {
		return err
	}
	list, err := pricing.ReadCatalog(data, o.from)
	if err != nil {
		return &admin.Error{Code: codeConfigInvalid, Message: fmt.Sprintf("read the price list from %s: %v", o.from, err), Fix: "prism prices update --from https://models.dev/api.json"}
	}
	u := a.compareList(r, base, list, o)
	if err := a.show(a.updateView(u)); err != nil {
		return err
	}
	if fresh := u.taken(); len(fresh) > 0 && !o.dryRun {
		return a.keepPrices(ctx, r, append(rows, fresh...), state)
	}
	return nil
}

// compareList finds out what the list has for the book.
func (a *app) compareList(r room, base *pricing.Book, list *pricing.Catalog, o updateOptions) *priceUpdate {
	u := &priceUpdate{From: o.from, Shape: list.Shape, DryRun: o.dryRun, Rows: []updateRow{}, Skipped: []pricingSkipped{}}
	u.Aside = list.Only(append(knownProviders(r, base), o.providers...))
	changes, skipped := base.Compare(list, a.now())
	for _, s := range append(list.Skipped, skipped...) {
		u.Skipped = append(u.Skipped, pricingSkipped(s))
	}
	for _, c := range changes {
		held := len(c.Doubts) > 0 && !o.accept && c.Kind != pricing.ChangeUnchanged
		switch {
		case held:
			u.Held++
		case c.Kind == pricing.ChangeUnchanged:
			u.Unchanged++
			continue
		case c.Kind == pricing.ChangeNew:
			u.New++
		default:
			u.Changed++
		}
		row := updateRow{Change: c.Kind, Held: held, Doubts: append([]string{}, c.Doubts...), Row: c.Row}
		if c.Before.ID != "" {
			before := c.Before
			row.Before = &before
		}
		u.Rows = append(u.Rows, row)
	}
	return u
}

// knownProviders are those of the book, and those of the profiles as far as they can be read
// without opening the file.
func knownProviders(r room, base *pricing.Book) []string {
	names := providersOf(base)
	if f := clearPrices(r.paths.Profiles); f != nil {
		for i := range f.Profiles.Profiles {
			names = append(names, f.Profiles.Profiles[i].Provider)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// taken are the rows to be kept.
func (u *priceUpdate) taken() []pricing.Row {
	var rows []pricing.Row
	for _, r := range u.Rows {
		if !r.Held {
			rows = append(rows, r.Row)
		}
	}
	return rows
}

// keepPrices writes the file of fetched rows whole, and has the gateway read it.
func (a *app) keepPrices(ctx context.Context, r room, rows []pricing.Row, state config.FileState) error {
	embedded, err := pricing.Embedded()
	if err != nil {
		return err
	}
	book, err := embedded.WithFetched(rows)
	if err != nil {
		return fmt.Errorf("keep the prices: %w", err)
	}
	fetched := slices.DeleteFunc(book.Rows(), func(row pricing.Row) bool { return !row.Fetched() })
	data, err := json.MarshalIndent(fetched, "", "  ")
	if err != nil {
		return fmt.Errorf("keep the prices: %w", err)
	}
	if err := daemon.PrepareDirs(r.paths); err != nil {
		return err
	}
	if err := config.WriteFileAtomic(r.paths.Prices, append(data, '\n'), state); err != nil {
		return err
	}
	a.note("saved %s   see: prism reprice", a.tilde(r.paths.Prices))
	v, err := r.client.Reload(ctx, false)
	if errors.Is(err, admin.ErrNotRunning) {
		return nil
	}
	if err == nil && !v.OK {
		a.note("the gateway goes on with the prices that it has: profiles.yaml was refused   see: prism check")
	}
	return err
}

func (a *app) updateView(u *priceUpdate) view {
	v := view{object: u, columns: []column{
		{name: "change"}, {name: "provider"}, {name: "model"}, {name: "prices", whole: true},
	}}
	for i := range u.Rows {
		r := &u.Rows[i]
		change := r.Change
		if r.Held {
			change = "held"
		}
		v.rows = append(v.rows, []cell{a.wordCell(change), textCell(r.Row.Provider), textCell(r.Row.ModelMatch), textAs(a.changeText(r), a.english().changeText(r))})
	}
	v.text = func(w io.Writer) { a.writeUpdate(w, u) }
	return v
}

// maxSkippedShown is how many items that were not understood are named.
const maxSkippedShown = 5

func (a *app) writeUpdate(w io.Writer, u *priceUpdate) {
	for i := range u.Rows {
		r := &u.Rows[i]
		fmt.Fprintln(w, pad(a.said(r.Change), changeWidth, false)+" "+escape(r.Row.Provider+"/"+r.Row.ModelMatch+"   "+a.changeText(r), false))
		for _, d := range r.Doubts {
			fmt.Fprintln(w, "   "+escape(a.text("odd: %s", a.said(d)), false))
		}
		if r.Held {
			fmt.Fprintln(w, "   "+a.text("held back"))
		}
	}
	for i, s := range u.Skipped {
		if i == maxSkippedShown {
			fmt.Fprintln(w, a.text("skipped   and %d more; --json names them", len(u.Skipped)-i))
			break
		}
		fmt.Fprintln(w, escape(a.text("skipped   %s   %s", s.Name, a.said(s.Why)), false))
	}
	fmt.Fprint(w, escape(a.text("%s: %d new, %d changed, %d unchanged, %d held back", u.Shape, u.New, u.Changed, u.Unchanged, u.Held), false))
	if u.Aside > 0 {
		fmt.Fprint(w, a.text("; %d of other providers left aside (--provider NAME takes them)", u.Aside))
	}
	if u.DryRun {
		fmt.Fprint(w, a.text("; nothing was written"))
	}
	fmt.Fprintln(w)
	if u.Held > 0 {
		fmt.Fprintln(w, a.fixText("compare with the provider's own page, then prism prices set, or update again with --accept"))
	}
}

// changeWidth is how wide the kind of a change is.
const changeWidth = 9

// changeText names the prices of a new row, and of a changed one what changed.
func (a *app) changeText(r *updateRow) string {
	if r.Before == nil {
		return a.setText(&r.Row, "")
	}
	var parts []string
	for _, name := range pricing.Columns() {
		switch name {
		case "id", "layer", "notes", "source", "confidence", "model_match", "effective_from", "effective_to":
			continue
		}
		was, now := columnText(r.Before, name), columnText(&r.Row, name)
		if was != now {
			parts = append(parts, fmt.Sprintf("%s %s → %s", name, was, now))
		}
	}
	return strings.Join(parts, "   ")
}

func columnText(r *pricing.Row, name string) string {
	if value := r.Column(name); value != nil {
		return fmt.Sprint(value)
	}
	return unknown
}
