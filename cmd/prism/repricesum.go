package main

import (
	"bufio"
	"fmt"
	"iter"
	"math/big"
	"os"
	"slices"
	"strings"

	"prism/internal/ledger"
)

// repriceSum adds up the rows of one model at one profile. Unknown amounts are counted, not added.
type repriceSum struct {
	rows, changed                   int64
	unpricedBefore, unpricedAfter   int64
	listBefore, listAfter           big.Int
	paidBefore, paidAfter           big.Int
	knownListBefore, knownListAfter int64
	knownPaidBefore, knownPaidAfter int64
}

func (s *repriceSum) add(old, fresh *ledger.Correction, changed bool) {
	s.rows++
	if changed {
		s.changed++
	}
	if !old.CostList.Known() {
		s.unpricedBefore++
	}
	if !fresh.CostList.Known() {
		s.unpricedAfter++
	}
	for _, m := range []struct {
		sum   *big.Int
		known *int64
		money ledger.Money
	}{
		{&s.listBefore, &s.knownListBefore, old.CostList},
		{&s.listAfter, &s.knownListAfter, fresh.CostList},
		{&s.paidBefore, &s.knownPaidBefore, old.Cost},
		{&s.paidAfter, &s.knownPaidAfter, fresh.Cost},
	} {
		if m.money.Known() {
			*m.known++
			m.sum.Add(m.sum, big.NewInt(int64(m.money)))
		}
	}
}

// sum adds a row to its group and to the total.
func (p *repricing) sum(row *pricedRow, old, fresh *ledger.Correction, changed bool) {
	e := &row.entry
	key := [2]string{e.Profile, firstOf(e.ResponseModel, e.UpstreamModel, e.RequestModel)}
	if p.groups == nil {
		p.groups = make(map[[2]string]*repriceSum)
	}
	g := p.groups[key]
	if g == nil {
		g = &repriceSum{}
		p.groups[key] = g
	}
	g.add(old, fresh, changed)
	p.total.add(old, fresh, changed)
}

// moneySum writes a sum as the ledger writes money; "" = nothing of it is known.
func moneySum(units *big.Int, known int64) string {
	if known == 0 {
		return ""
	}
	return new(big.Rat).SetFrac(units, big.NewInt(1e10)).FloatString(moneyDecimals)
}

// view shows the old costs beside the new ones, the largest difference first.
func (p *repricing) view() view {
	money := func(name, head string) column { return column{name: name, head: head, right: true} }
	count := func(name, head string) column { return column{name: name, head: head, right: true} }
	v := view{columns: []column{
		{name: "profile"},
		{name: "model"},
		count("requests", "REQ"), count("changed", ""),
		money("list_before_usd", "LIST WAS"), money("list_now_usd", "LIST IS"), money("list_diff_usd", "DIFF"),
		money("paid_before_usd", "PAID WAS"), money("paid_now_usd", "PAID IS"), money("paid_diff_usd", "DIFF"),
		count("unpriced_before", "NO PRICE WAS"), count("unpriced_now", "NO PRICE IS"),
	}, empty: "nothing to price in this time"}
	for i := range v.columns {
		v.columns[i].spare = strings.HasPrefix(v.columns[i].name, "unpriced") || strings.HasPrefix(v.columns[i].name, "paid_b")
	}
	keys := make([][2]string, 0, len(p.groups))
	for k := range p.groups {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b [2]string) int {
		if c := p.groups[b].size().Cmp(p.groups[a].size()); c != 0 {
			return c
		}
		return strings.Compare(a[0]+"\x00"+a[1], b[0]+"\x00"+b[1])
	})
	for _, k := range keys {
		v.rows = append(v.rows, p.groups[k].cells(textCell(k[0]), textCell(k[1])))
	}
	if len(keys) > 1 {
		v.total = p.total.cells(p.a.wordCell("total"), cell{"", nil})
	}
	return v
}

// size is how much the list price of a group changes.
func (s *repriceSum) size() *big.Int {
	d := new(big.Int).Sub(&s.listAfter, &s.listBefore)
	return d.Abs(d)
}

func (s *repriceSum) cells(profile, model cell) []cell {
	diff := func(before, after *big.Int, known int64) cell {
		return changeCell(moneySum(new(big.Int).Sub(after, before), known))
	}
	return []cell{
		profile, model, countCell(&s.rows), countCell(&s.changed),
		moneyCell(moneySum(&s.listBefore, s.knownListBefore)), moneyCell(moneySum(&s.listAfter, s.knownListAfter)), diff(&s.listBefore, &s.listAfter, s.knownListAfter),
		moneyCell(moneySum(&s.paidBefore, s.knownPaidBefore)), moneyCell(moneySum(&s.paidAfter, s.knownPaidAfter)), diff(&s.paidBefore, &s.paidAfter, s.knownPaidAfter),
		countCell(&s.unpricedBefore), countCell(&s.unpricedAfter),
	}
}

// spool keeps corrections in a file until the ledger is closed: there may be millions.
type spool struct {
	file *os.File
	out  *bufio.Writer
	buf  []byte
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "prism-corrections-*.jsonl")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file: %w", err)
	}
	return &spool{file: f, out: bufio.NewWriter(f)}, nil
}

func (s *spool) add(c *ledger.Correction) error {
	s.buf = append(c.AppendJSON(s.buf[:0]), '\n')
	if _, err := s.out.Write(s.buf); err != nil {
		return fmt.Errorf("write the temporary file: %w", err)
	}
	return nil
}

// records reads them back.
func (s *spool) records() iter.Seq2[ledger.Appendable, error] {
	return func(yield func(ledger.Appendable, error) bool) {
		err := s.out.Flush()
		if err == nil {
			_, err = s.file.Seek(0, 0)
		}
		lines := bufio.NewScanner(s.file)
		for err == nil && lines.Scan() {
			c := &ledger.Correction{}
			if err = c.UnmarshalJSON(lines.Bytes()); err == nil && !yield(c, nil) {
				return
			}
		}
		if err == nil {
			err = lines.Err()
		}
		if err != nil {
			yield(nil, fmt.Errorf("read the temporary file: %w", err))
		}
	}
}

func (s *spool) remove() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}
