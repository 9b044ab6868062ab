package ledger

import (
	"reflect"
	"testing"
)

func TestCorrectionsAndAlertsSurviveTheJournalUnchanged(t *testing.T) {
	c := &Correction{RequestID: "01K1", CorrectedAt: testNow, Reason: "reprice", PriceID: "p", CostInput: 1, CostCacheRead: 2, CostCacheWrite: 3, CostOutput: 4, CostOther: 5, CostList: 6, Cost: NoMoney, CostUncached: 0}
	ev := &AlertEvent{EventAt: testNow, Name: "week", Rule: "budget", Scope: "tag:team=blue", Period: "week", PeriodStart: testNow, State: AlertBlocked, Action: "block", Amount: 7, Limit: NoMoney, Value: "3", Message: "a\nb"}
	j, _ := openTest(t, JournalOptions{})
	if err := j.Correct(c); err != nil {
		t.Fatal(err)
	}
	if err := j.Alert(ev); err != nil {
		t.Fatal(err)
	}
	if j.Health().Waiting != 2 {
		t.Errorf("%d records wait, want 2", j.Health().Waiting)
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
		case KindSegment, KindOpen, KindUsage, KindClose, KindVoid, KindConfig:
		}
		return nil
	})
	if err != nil || !reflect.DeepEqual(kinds, []Kind{KindCorrection, KindAlert}) {
		t.Errorf("records %v, %v", kinds, err)
	}
}
