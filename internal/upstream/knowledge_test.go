package upstream

import (
	"strconv"
	"testing"

	"prism/config"
	"prism/internal/translate"
)

func TestStateThatIsRefusedAgainIsNoNews(t *testing.T) {
	var k knowledge
	switch {
	case k.refuses("work", "a"):
		t.Error("refused before it was")
	case k.refuse("work", nil):
		t.Error("no state is no news: the request would be the same")
	case !k.refuse("work", []string{"a", "b"}) || !k.refuses("work", "b"):
		t.Error("not remembered")
	case k.refuse("work", []string{"b", "a"}):
		t.Error("the request is repeated for ever")
	case k.refuses("home", "a"):
		t.Error("another account takes it")
	}
}

func TestStateThatIsRefusedTakesNoMoreThanItMay(t *testing.T) {
	var k knowledge
	for i := range 3 * maxRefused {
		if !k.refuse("work", []string{strconv.Itoa(i)}) || !k.refuses("work", strconv.Itoa(i)) {
			t.Fatal(i)
		}
	}
	if n := len(k.refused); n > maxRefused {
		t.Errorf("%d are kept", n)
	}
}

// TestNamesOfModelsThatAClientMakesUpKeepNothingFromBeingLearned: where something is said to be learned,
// the next request is another one.
func TestNamesOfModelsThatAClientMakesUpKeepNothingFromBeingLearned(t *testing.T) {
	var k knowledge
	for i := range 3 * maxModels {
		k.observe(strconv.Itoa(i), 10, 10)
	}
	lesson := translate.Lesson{Name: "lesson", Apply: func(q *config.Quirks) { q.MaxOutput = 9 }}
	if !k.learn("new", lesson, config.Quirks{}) || k.quirks("new", config.Quirks{}).MaxOutput != 9 {
		t.Error("it was not learned")
	}
	if n := len(k.models); n > maxModels {
		t.Errorf("something is known of %d models", n)
	}
}
