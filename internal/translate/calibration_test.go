package translate_test

import (
	"testing"

	"prism/internal/translate"
)

func TestACalibrationThatKnowsNothingChangesNothing(t *testing.T) {
	var c translate.Calibration
	for _, n := range []int64{-1, 0, 1, 12345} {
		if got := c.Correct(n); got != n {
			t.Errorf("%d became %d", n, got)
		}
	}
}

// TestAFewTurnsAreEnough plays a session whose provider counts 30 % more than the estimate.
func TestAFewTurnsAreEnough(t *testing.T) {
	var c translate.Calibration
	for turn, estimated := range []int64{11_000, 12_500, 14_000} {
		c.Observe(estimated, estimated*13/10)
		if got, want := c.Correct(20_000), int64(26_000); off(got, want) > 0.01 {
			t.Errorf("turn %d: %d tokens, want %d", turn, got, want)
		}
	}
}

func TestAModelThatChangesIsLearnedAnew(t *testing.T) {
	var c translate.Calibration
	for range 5 {
		c.Observe(10_000, 13_000)
	}
	for range 5 {
		c.Observe(10_000, 9_000)
	}
	if got := c.Correct(10_000); off(got, 9_000) > 0.03 {
		t.Errorf("%d tokens after five turns of another one", got)
	}
}

// TestTheOrderOfParallelTurnsDoesNotCarryItAway: turns under way at once were estimated with the
// same knowledge, and each must not add its correction to the others'.
func TestTheOrderOfParallelTurnsDoesNotCarryItAway(t *testing.T) {
	var c translate.Calibration
	for range 20 {
		c.Observe(10_000, 15_000)
	}
	if got := c.Correct(10_000); got != 15_000 {
		t.Errorf("%d tokens", got)
	}
}

func TestNonsenseIsNotBelieved(t *testing.T) {
	var c translate.Calibration
	for _, o := range [][2]int64{{0, 5}, {5, 0}, {-1, -1}, {10_000, 1}, {10, 10_000}, {10_000, 900}, {1_000, 900_000}} {
		c.Observe(o[0], o[1])
	}
	if got := c.Correct(10_000); got != 10_000 {
		t.Errorf("10000 became %d", got)
	}
}
