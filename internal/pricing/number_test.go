package pricing

import (
	"math/big"
	"strings"
	"testing"
)

// A price per token times 10^6 is a price per million tokens, digit by digit.
func TestNumbersAreMovedExactly(t *testing.T) {
	for _, c := range []struct {
		number string
		shift  int
		want   string
		exact  bool
	}{
		{"1.5e-07", 6, "0.15", true},
		{"3.75e-06", 6, "3.75", true},
		{"2.25E-05", 6, "22.5", true},
		{"1e-08", 6, "0.01", true},
		{"0.00000435", 6, "4.35", true},
		{"3.625e-9", 6, "0.003625", true},
		{"0", 6, "0", true},
		{"0.0", 0, "0", true},
		{"10", 0, "10", true},
		{"010.50", 0, "10.5", true},
		{"5e+0", 0, "5", true},
		{"99999999", 0, "99999999", true},
		{"0.1234567890", 0, "0.123456789", true},
		{"0.12345678905", 0, "0.1234567891", false}, // half away from zero
		{"0.12345678904", 0, "0.123456789", false},
		{"9.99999999999", 0, "10", false},
		{"3.0000000000000003e-06", 6, "3", false}, // a float of somebody else's
		{"7.999999999999999e-07", 6, "0.8", false},
	} {
		got, exact, err := moved(c.number, c.shift)
		if err != nil || got != c.want || exact != c.exact {
			t.Errorf("%s x 10^%d: got %s, exact %t, error %v; want %s, %t", c.number, c.shift, got, exact, err, c.want, c.exact)
		}
	}
}

func TestNumbersThatAreNoPriceAreRefused(t *testing.T) {
	for _, number := range []string{
		"", "-1", "-0.1", "+1", "1e", "e5", ".5", "5.", "0x10", "NaN", "Infinity", "1_000", "1,5", " 1", "1e1.5", "1e99999999999", "1e-2000", "1e9",
		"100000000", "1e-20", "\"3\"", strings.Repeat("1", 100),
	} {
		if got, _, err := moved(number, 0); err == nil {
			t.Errorf("%q became %s", number, got)
		}
	}
}

func TestFactorsBetweenPricesAreFound(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"1.75", "3.5", "0.5"}, {"8", "4", "2"}, {"3.3", "3", "1.1"}, {"1", "3", ""}, {"5", "0", ""}, {"0", "5", "0"}, {"99999999", "0.001", ""}, {"", "1", ""},
	} {
		if got, ok := quotient(c.a, c.b); got != c.want || ok != (c.want != "") {
			t.Errorf("%s / %s: got %q, %t; want %q", c.a, c.b, got, ok, c.want)
		}
	}
	for _, c := range []struct {
		price, factor, want string
		exact               bool
	}{
		{"0.175", "2", "0.35", true}, {"4", "1.1", "4.4", true}, {"0.0000000001", "0.5", "0.0000000001", false}, {"0.00000001", "0.25", "0.0000000025", true}, {"x", "2", "", false}, {"1", "x", "", false},
	} {
		if got, exact := product(c.price, c.factor); got != c.want || exact != c.exact {
			t.Errorf("%s x %s: got %q, %t; want %q, %t", c.price, c.factor, got, exact, c.want, c.exact)
		}
	}
}

// The terms of a row are found again from what it cost and what was paid for it.
func TestTheMultiplierOfAPaidRowIsFound(t *testing.T) {
	for _, c := range []struct{ list, paid, want string }{
		{"0.0362", "0.02896", "0.8"},            // 0.0362 x 0.8
		{"0.0362", "0.04525", "1.25"},           // 0.0362 x 1.25
		{"0.0362", "0.0362", "1"},               // nothing off
		{"0.0362", "0", "0"},                    // nothing paid
		{"0.00000001", "0.0000000003", "0.03"},  // 1e-8 x 0.025 = 2.5e-10, rounded to 3e-10: 0.03 is shorter and comes to the same
		{"12.3456789", "10.4938270650", "0.85"}, // 12.3456789 x 0.85
		{"0", "0", ""}, {"1", "x", ""},
	} {
		list, paidAmount := ParseUSD(c.list), ParseUSD(c.paid)
		got, ok := MultiplierOf(list, paidAmount)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s paid for %s: got %q, %t; want %q", c.paid, c.list, got, ok, c.want)
		}
		if ok && Paid(list, got, false) != paidAmount {
			t.Errorf("%s x %s is %s, want %s", c.list, got, Paid(list, got, false), c.paid)
		}
	}
	if Paid(Unknown, "1", true).Known() || Paid(5, "", true) != 0 || Paid(5, "0,8", false).Known() {
		t.Error("what is paid for an unknown price is not known, a flat fee is 0, a multiplier that is none makes it unknown")
	}
}

// FuzzMoved: what is exact equals the number as math/big reads it, what is not is the nearest.
func FuzzMoved(f *testing.F) {
	for _, number := range []string{"1.5e-07", "3.0000000000000003e-06", "99999999.9999999999", "0.00000000005", "12e-3"} {
		f.Add(number, 6)
	}
	f.Fuzz(func(t *testing.T, number string, shift int) {
		shift %= 12
		text, exact, err := moved(number, shift)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(number)
		if !ok {
			t.Fatalf("%q was read", number)
		}
		pow := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(shift, -shift))), nil))
		if shift < 0 {
			want.Quo(want, pow)
		} else {
			want.Mul(want, pow)
		}
		got, _ := new(big.Rat).SetString(text)
		if got.Cmp(want) == 0 != exact {
			t.Fatalf("%q x 10^%d is %s, exact %t", number, shift, text, exact)
		}
		if diff := got.Sub(got, want); diff.Abs(diff).Cmp(big.NewRat(1, 2e10)) > 0 {
			t.Fatalf("%q x 10^%d is %s", number, shift, text)
		}
	})
}
