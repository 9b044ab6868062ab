package chaos

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Most cases wait: more of them than there are processors go on at a time.
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	// net/http lingers for half a second on a connection that it closed with bytes unread.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// catalogue is every fault of the table.
func catalogue() []fault {
	return slices.Concat(
		connections(), silences(), kept(), heads(),
		failures(), requests(), denials(), limits(), redirects(),
		empties(), impostors(), oddities(), torn(),
		held(), cut(), complete(), framed(), first(), later(), quiet(), alive(), released(), signatures(),
	)
}

// leastCases is how many cases the table must have.
const leastCases = 250

// soakRounds is how often the table is played in the long form.
const soakRounds = 20

func TestEveryFaultComesToWhatIsPromised(t *testing.T) {
	playTable(t)
	if os.Getenv("PRISM_SOAK") == "" {
		return
	}
	for i := 1; i < soakRounds; i++ {
		t.Run(fmt.Sprintf("round %d", i), playTable)
	}
}

func playTable(t *testing.T) {
	t.Helper()
	n, names := 0, map[string]bool{}
	list := catalogue()
	for i := range list {
		f := &list[i]
		f.cases(func(name string, w way, fallback bool) {
			n++
			if names[name] {
				t.Errorf("two cases are called %s", name)
			}
			names[name] = true
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f.play(t, w, fallback)
			})
		})
	}
	if n < leastCases {
		t.Errorf("%d cases, want %d at least", n, leastCases)
	}
	t.Logf("%d cases of %d faults", n, len(list))
}

// elsewhere are the entries of the groups D, E and F that are not in the table, and where they are
// shown.
func elsewhere() map[int]string {
	return map[int]string{
		67: "plan_test.go for the loop; package config for addresses that are refused",
		78: "buffer_test.go",
		79: "upstreams of other dialects: none is spoken yet",
		80: "plan_test.go",
		81: "TestMain, and package proxy with ten thousand clients that leave",
		83: "storm_test.go, useful_test.go",
		84: "storm_test.go",
		86: "check_test.go, for every case; keys_test.go",
		87: "attempt_test.go, for every case; plan_test.go",
		88: "plan_test.go",
	}
}

func TestEveryEntryOfTheCatalogueIsShown(t *testing.T) {
	shown := map[int]bool{}
	list := catalogue()
	for i := range list {
		shown[list[i].entry] = true
	}
	const first, last = 51, 88
	for n := first; n <= last; n++ {
		if where := elsewhere()[n]; shown[n] == (where != "") {
			t.Errorf("entry %d: in the table %v, elsewhere %q; want one of them", n, shown[n], where)
		}
	}
}
