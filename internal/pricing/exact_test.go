package pricing

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// dec18 rounds to 1e-10, half away from zero, as a cast to DECIMAL(18,10) does; nil is NULL,
// and so is what does not fit.
func dec18(x *big.Rat) *big.Rat {
	if x == nil {
		return nil
	}
	scaled := new(big.Rat).Mul(x, big.NewRat(1e10, 1))
	num := new(big.Int).Lsh(scaled.Num(), 1)
	num.Add(num, scaled.Denom())
	num.Div(num, new(big.Int).Lsh(scaled.Denom(), 1))
	if len(num.String()) > 18 {
		return nil
	}
	return new(big.Rat).SetFrac(num, big.NewInt(1e10))
}

func rat(text string) *big.Rat {
	if text == "" {
		return nil
	}
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		panic("no number: " + text)
	}
	return x
}

// sqlLine and sqlTimes are the macros _line and _times of the ledger.
func sqlLine(tokens int64, price *big.Rat) *big.Rat {
	switch {
	case tokens == 0:
		return new(big.Rat)
	case price == nil:
		return nil
	}
	x := new(big.Rat).Mul(big.NewRat(tokens, 1_000_000), price)
	return dec18(x)
}

func sqlTimes(x, factor *big.Rat) *big.Rat {
	if x == nil || factor == nil {
		return dec18(x)
	}
	return dec18(new(big.Rat).Mul(x, factor))
}

func sqlSum(xs ...*big.Rat) *big.Rat {
	sum := new(big.Rat)
	for _, x := range xs {
		if x == nil {
			return nil
		}
		sum.Add(sum, x)
	}
	return sum
}

// usd turns a NULL or a number of at most ten decimals into a USD.
func usd(t *testing.T, x *big.Rat) USD {
	t.Helper()
	if x == nil {
		return Unknown
	}
	n := new(big.Rat).Mul(x, big.NewRat(1e10, 1))
	if !n.IsInt() || !n.Num().IsInt64() {
		t.Fatalf("%s is no amount", x.FloatString(14))
	}
	return USD(n.Num().Int64())
}

// randomPrice has up to ten decimals and is sometimes missing.
func randomPrice(r *rand.Rand) string {
	switch r.IntN(6) {
	case 0:
		return ""
	case 1:
		return strconv.Itoa(r.IntN(80))
	}
	digits := 1 + r.IntN(10)
	frac := strconv.FormatInt(r.Int64N(1e10)+1e10, 10)[1 : 1+digits]
	return strconv.Itoa(r.IntN(30)) + "." + frac
}

func randomCount(r *rand.Rand) int64 {
	return r.Int64N(int64(1)<<(1+r.IntN(45))*int64(r.IntN(3))/2 + 1)
}

func TestCostIsThatOfTheLedgerToTheLastDigit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	known := 0
	for range 5_000 {
		row := Row{
			ID: "row", Provider: "x", ModelMatch: "m", Input: randomPrice(r), Output: randomPrice(r), CacheRead: randomPrice(r),
			CacheWrite5m: randomPrice(r), CacheWrite1h: randomPrice(r), WebSearchPer1k: randomPrice(r),
		}
		row.Input, row.Output = max(row.Input, "0.0000000007"), max(row.Output, "3.0000000001")
		if r.IntN(2) == 0 {
			row.BatchMultiplier = "0." + strconv.Itoa(1000+r.IntN(9000))
			row.GeoMultiplier = "1." + strconv.Itoa(1000+r.IntN(9000))
		}
		b, err := (&Book{}).With([]Row{row})
		if err != nil {
			t.Fatal(err)
		}
		multiplier := "0." + strconv.FormatInt(1e9+r.Int64N(9e9), 10)
		u := Usage{randomCount(r), randomCount(r), randomCount(r), randomCount(r), randomCount(r), r.Int64N(50)}
		c := b.Price(&Query{At: time.Unix(0, 0), Provider: "x", Model: "m", ServiceTier: "batch", InferenceGeo: "us", Usage: u, Multiplier: multiplier})

		batch, geo := rat(row.BatchMultiplier), rat(row.GeoMultiplier)
		search := rat(row.WebSearchPer1k)
		if search != nil {
			search.Mul(search, big.NewRat(1000, 1))
		}
		other, out := sqlLine(u.WebSearches, search), sqlLine(u.Output, rat(row.Output))
		tokens := sqlSum(sqlLine(u.Input, rat(row.Input)), sqlLine(u.CacheRead, rat(row.CacheRead)),
			sqlLine(u.CacheWrite5m, rat(row.CacheWrite5m)), sqlLine(u.CacheWrite1h, rat(row.CacheWrite1h)), out)
		list := dec18(sqlSum(sqlTimes(sqlTimes(tokens, batch), geo), other))
		if got, want := c.List, usd(t, list); got != want {
			t.Fatalf("list %s, want %s: %+v %+v", got, want, row, u)
		}
		if list == nil {
			if c.Paid.Known() || c.Uncached.Known() {
				t.Fatalf("list is unknown, paid %s, uncached %s", c.Paid, c.Uncached)
			}
			continue
		}
		known++
		if got, want := c.Paid, usd(t, sqlTimes(list, rat(multiplier))); got != want {
			t.Fatalf("paid %s, want %s", got, want)
		}
		plain := sqlSum(sqlLine(u.Input+u.CacheRead+u.CacheWrite5m+u.CacheWrite1h, rat(row.Input)), out)
		if got, want := c.Uncached, usd(t, dec18(sqlSum(sqlTimes(sqlTimes(plain, batch), geo), other))); got != want {
			t.Fatalf("uncached %s, want %s", got, want)
		}
		if sum := c.Input + c.CacheRead + c.CacheWrite + c.Output + c.Other; sum != c.List {
			t.Fatalf("parts add up to %s, list is %s", sum, c.List)
		}
		if min(c.Input, c.CacheRead, c.CacheWrite, c.Output, c.Other) < 0 {
			t.Fatalf("a part is negative: %+v", c)
		}
	}
	if known < 1000 {
		t.Errorf("only %d of the costs were known", known)
	}
}

func FuzzLineRoundsHalfAwayFromZero(f *testing.F) {
	f.Add(int64(1), int64(36_250_000))
	f.Add(int64(2_000_000), int64(500_000_000_000))
	f.Add(int64(1)<<62, int64(1e18)-1)
	f.Fuzz(func(t *testing.T, tokens, price int64) {
		if tokens < 0 || price < 0 || price >= int64(usdLimit) {
			t.Skip()
		}
		want := usd(t, sqlLine(tokens, big.NewRat(price, 1e10)))
		if got := line(tokens, USD(price)); got != want {
			t.Errorf("%d tokens at %s: %s, want %s", tokens, USD(price), got, want)
		}
	})
}

func FuzzDecimalIsReadExactlyOrNotAtAll(f *testing.F) {
	for _, text := range []string{"0", "22.5", "0.003625", "99999999.9999999999", "100000000", "1e3", "-1", "+1", ".5", "5.", "1,5", "", "1_000", "0.00000000001", " 1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := parseDecimal(text, usdWidth, usdScale)
		if !ok {
			if n != 0 {
				t.Errorf("%q is refused and %d at once", text, n)
			}
			return
		}
		if n < 0 || n >= int64(usdLimit) {
			t.Fatalf("%q is %d", text, n)
		}
		if x, valid := new(big.Rat).SetString(text); !valid || usd(t, x) != USD(n) {
			t.Errorf("%q is read as %s", text, USD(n))
		}
		if again, ok := parseDecimal(USD(n).String(), usdWidth, usdScale); !ok || again != n {
			t.Errorf("%q is written as %s", text, USD(n))
		}
	})
}

func TestAmountsAreWrittenWithAllDecimals(t *testing.T) {
	for u, want := range map[USD]string{
		0: "0.0000000000", 1: "0.0000000001", 42_000_000: "0.0042000000", dollar: "1.0000000000",
		-5: "-0.0000000005", -3 * dollar / 2: "-1.5000000000", usdLimit - 1: "99999999.9999999999", Unknown: "unknown",
	} {
		if got := u.String(); got != want {
			t.Errorf("%d is written %q, want %q", int64(u), got, want)
		}
	}
}
