package diag_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/diag"
)

func Example() {
	f := diag.TOML("load.toml", []byte("[arrival]\npatern = \"constant\"\nrate = -1\n"))
	arrival := f.Root().Table("arrival")
	arrival.Require("pattern", `add pattern = "constant"`)
	arrival.Choice("pattern", "constant", "constant", "poisson")
	arrival.Number("rate", 1, diag.Range[float64]{Min: 0.001, Max: 1e6})
	fmt.Println(f.Faults().Err())
	// Output:
	// load.toml:2:1: unknown key "patern" in [arrival]: did you mean "pattern"? Allowed are "pattern", "rate" [unknown-key]
	// load.toml:3:8: arrival.rate is -1: allowed is 0.001 to 1000000 [range]
}

func TestFaultError(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault diag.Fault
		want  string
	}{
		{"all parts", diag.Fault{File: "a.toml", Line: 3, Column: 7, Rule: "range", Message: "too large"}, "a.toml:3:7: too large [range]"},
		{"no column", diag.Fault{File: "a.toml", Line: 3, Message: "too large"}, "a.toml:3: too large"},
		{"a column without a line means nothing", diag.Fault{File: "a.toml", Column: 3, Message: "too large"}, "a.toml: too large"},
		{"a variable has no lines", diag.Fault{File: "GATE_BUDGET", Rule: "value", Message: "not a duration"}, "GATE_BUDGET: not a duration [value]"},
		{"only a message", diag.Fault{Message: "too large"}, "too large"},
		{"nothing may act on a terminal or add lines", diag.Fault{File: "a\x1b[2J", Line: 1, Message: "b\nc\u202ed"}, "a�[2J:1: b�c�d"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.fault.Error(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFaultsErr(t *testing.T) {
	if err := (diag.Faults{}).Err(); err != nil {
		t.Errorf("no faults are the error %v", err)
	}
	a := diag.Fault{File: "a", Line: 1, Column: 2, Rule: "r", Message: "m"}
	b, c, d, e := a, a, a, a
	b.Column, c.Line, d.File, e.Message = 10, 2, "b", "n"
	unsorted := diag.Faults{d, c, b, a, e, a}
	var got diag.Faults
	if !errors.As(fmt.Errorf("read: %w", unsorted.Err()), &got) {
		t.Fatal("the error is not a Faults")
	}
	if diff := cmp.Diff(diag.Faults{a, e, b, c, d}, got); diff != "" {
		t.Errorf("not sorted, or not each once (-want +got):\n%s", diff)
	}
	if unsorted[0] != d {
		t.Error("Err changed its receiver")
	}
	if want := a.Error() + "\n" + b.Error(); (diag.Faults{a, b}).Error() != want {
		t.Errorf("got %q, want %q", diag.Faults{a, b}.Error(), want)
	}
}
