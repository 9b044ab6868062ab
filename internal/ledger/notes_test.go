package ledger

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"
)

func TestEveryOtherRecordSurvivesTheJournalUnchanged(t *testing.T) {
	c := &Correction{RequestID: "01K1", CorrectedAt: testNow, Reason: "reprice", PriceID: "p", CostInput: 1, CostCacheRead: 2, CostCacheWrite: 3, CostOutput: 4, CostOther: 5, CostList: 6, Cost: NoMoney, CostUncached: 0}
	ev := &AlertEvent{EventAt: testNow, Name: "week", Rule: "budget", Scope: "tag:team=blue", Period: "week", PeriodStart: testNow, State: AlertBlocked, Action: "block", Amount: 7, Limit: NoMoney, Value: "3", Message: "a\nb"}
	health := &HealthEvent{EventAt: testNow, Profile: "work", Key: "spare", FromState: HealthOK, ToState: HealthDenied, Why: "authentication_error", Until: testNow.Add(time.Minute)}
	j, _ := openTest(t, JournalOptions{})
	if err := j.Correct(c); err != nil {
		t.Fatal(err)
	}
	if err := j.Alert(ev); err != nil {
		t.Fatal(err)
	}
	if err := j.Health(health); err != nil {
		t.Fatal(err)
	}
	if j.State().Waiting != 3 {
		t.Errorf("%d records wait, want 3", j.State().Waiting)
	}
	var kinds []Kind
	_, err := ReadSegments(j.opt.Dir, Watermark{}, func(r Record) error {
		kinds = append(kinds, r.Kind)
		switch r.Kind {
		case KindCorrection:
			got, err := r.Correction()
			if !reflect.DeepEqual(got, c) || r.RequestID != c.RequestID {
				t.Errorf("got %+v, want %+v", got, c)
			}
			return err
		case KindAlert:
			got, err := r.Alert()
			if !reflect.DeepEqual(got, ev) {
				t.Errorf("got %+v, want %+v", got, ev)
			}
			return err
		case KindHealth:
			got, err := r.Health()
			if !reflect.DeepEqual(got, health) || !r.At().Equal(testNow) {
				t.Errorf("got %+v, want %+v", got, health)
			}
			return err
		case KindSegment, KindOpen, KindUsage, KindClose, KindVoid, KindConfig:
		}
		return nil
	})
	if err != nil || !reflect.DeepEqual(kinds, []Kind{KindCorrection, KindAlert, KindHealth}) {
		t.Errorf("records %v, %v", kinds, err)
	}
}

// Whatever a line holds, what was read of it can be written and is read the same again.
func FuzzOtherRecords(f *testing.F) {
	f.Add((&HealthEvent{EventAt: testNow, Profile: "work", Key: "spare", FromState: HealthOK, ToState: HealthOpen, Why: "a\nb", Until: testNow}).AppendJSON(nil))
	f.Add((&AlertEvent{EventAt: testNow, Name: "week", Amount: 7, Limit: NoMoney}).AppendJSON(nil))
	f.Add((&Correction{RequestID: "01K1", CorrectedAt: testNow, Cost: NoMoney}).AppendJSON(nil))
	f.Add([]byte(`{"until":{"until":[`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if !utf8.Valid(b) {
			return // the encoder writes UTF-8 only
		}
		for _, pair := range [][2]interface {
			json.Unmarshaler
			Appendable
		}{{&HealthEvent{}, &HealthEvent{}}, {&AlertEvent{}, &AlertEvent{}}, {&Correction{}, &Correction{}}} {
			if pair[0].UnmarshalJSON(b) != nil {
				continue
			}
			first := pair[0].AppendJSON(nil)
			if err := pair[1].UnmarshalJSON(first); err != nil || !json.Valid(first) {
				t.Fatalf("%v: %q", err, first)
			}
			if second := pair[1].AppendJSON(nil); string(second) != string(first) {
				t.Fatalf("not stable:\n%s\n%s", first, second)
			}
		}
	})
}
