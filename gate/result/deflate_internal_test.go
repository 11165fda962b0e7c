package result

import (
	"encoding/base64"
	"testing"
)

// TestInflateBudgetIsShared checks that values which are small each cannot be
// large together.
func TestInflateBudgetIsShared(t *testing.T) {
	text, err := ProbeMatrix(make([]uint16, 1000)).MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	packed, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		t.Fatal(err)
	}
	budget := new(inflateBudget)
	budget.left.Store(5000)
	for i := range 4 {
		var m ProbeMatrix
		err := m.decode(packed, budget) // 2,000 bytes
		if within := i < 2; (err == nil) != within || (m != nil) != within {
			t.Errorf("value %d: %d latencies, error %v", i, len(m), err)
		}
	}
}
