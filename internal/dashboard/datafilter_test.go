package dashboard

import (
	"strings"
	"testing"
)

// The ledger cuts a name off at 512 bytes, a tag's key and its value at 256 each: rows with the longest ones
// must be found by the links that lead to them.
func TestTheLongestNamesOfTheLedgerCanBeFilteredBy(t *testing.T) {
	const mark = "…[cut]"
	name := strings.Repeat("n", 512-len(mark)) + mark
	part := strings.Repeat("t", 256-len(mark)) + mark
	for what, value := range map[string]string{"session": name, "tag": part + "=" + part} {
		if err := checkValues(what, []string{value}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if checkValues("session", []string{strings.Repeat(name, 2)}) == nil {
		t.Error("a value that no row has was looked for")
	}
}
