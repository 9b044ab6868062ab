package translate

import (
	"slices"
	"testing"
)

func TestOfferedToolsGrowAtTheEndOnly(t *testing.T) {
	tools := []Tool{{Name: "d1", Deferred: true}, {Name: "a"}, {Name: "d2", Deferred: true}, {Name: "b"}, {Name: "d3", Deferred: true}, {Name: "a"}}
	for _, test := range []struct {
		name    string
		changes []change
		choice  Choice
		want    []string
	}{
		{"nothing was found", nil, Choice{}, []string{"a", "b"}},
		{"found one after the other", []change{{name: "d2"}, {name: "d1"}, {name: "d2"}}, Choice{}, []string{"a", "b", "d2", "d1"}},
		{"found what is not there", []change{{name: "x"}, {name: "a"}}, Choice{}, []string{"a", "b"}},
		{"taken away", []change{{name: "d2"}, {"d2", true}, {"a", true}}, Choice{}, []string{"b"}},
		{"taken away and back", []change{{"a", true}, {name: "d1"}, {"d1", true}, {name: "a"}, {name: "d3"}, {name: "d1"}}, Choice{}, []string{"a", "b", "d1", "d3"}},
		{"forced", []change{{name: "d2"}}, Choice{Type: "tool", Name: "d3"}, []string{"a", "b", "d2", "d3"}},
	} {
		c := Conversation{Tools: tools, Choice: test.choice, changes: test.changes}
		var got []string
		for _, tool := range c.Offered() {
			got = append(got, tool.Name)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
