package main

import "testing"

func TestNoNameBecomesAFormulaInASpreadsheet(t *testing.T) {
	for s, want := range map[string]string{
		"=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0", "+1+1": "'+1+1", "-1+1": "'-1+1", "-2+3+cmd|' /C calc'!A0": "'-2+3+cmd|' /C calc'!A0", "@SUM(A1)": "'@SUM(A1)", "＝1+1": "'＝1+1",
		"-": "'-", "-1.": "'-1.", "-a": "'-a", "\t=1": `\u0009=1`, "\r=1": `\u000d=1`, "-0.50": "-0.50", "-12": "-12", "claude-opus-5-5": "claude-opus-5-5", "": "",
	} {
		if got := csvRow([]cell{{s, s}})[0]; got != want {
			t.Errorf("%q became %q, want %q", s, got, want)
		}
	}
	if got := csvRow([]cell{{"-1", int64(-1)}})[0]; got != "-1" {
		t.Errorf("a number became %q", got)
	}
}
