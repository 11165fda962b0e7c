package diag

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readLists reads a file of tables in lists: the names, the numbers of each, and
// what is wrong.
func readLists(text string) (names []string, numbers [][]int64, faults []string) {
	f := TOML("f.toml", []byte(text))
	for _, table := range f.Root().Tables("item") {
		table.Require("name", "add name = \"x\"")
		name, _ := table.Text("name")
		names = append(names, name.Value)
		numbers = append(numbers, table.Ints("status", Range[int64]{Min: 100, Max: 599}))
	}
	for _, fault := range f.Faults() {
		faults = append(faults, strings.TrimPrefix(fault.Error(), "f.toml:"))
	}
	return names, numbers, faults
}

func TestLists(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		names      []string
		numbers    [][]int64
		faults     []string
	}{
		{name: "none", text: ""},
		{name: "headers", text: "[[item]]\nname='a'\nstatus=200\n[[item]]\nname='b'\nstatus=[2_01, 0xCC]", names: []string{"a", "b"}, numbers: [][]int64{{200}, {201, 204}}},
		{name: "inline", text: "item = [{ name = 'a' }, { name = 'b', status = [] }]", names: []string{"a", "b"}, numbers: [][]int64{nil, {}}},
		{
			name: "each table is checked", text: "[[item]]\nname='a'\nstaus=200\n[[item]]\nstatus=[20, 'x']",
			names: []string{"a", ""}, numbers: [][]int64{nil, {}},
			faults: []string{
				`3:1: unknown key "staus" in [item]: did you mean "status"? Allowed are "name", "status" [unknown-key]`,
				`4:3: missing key "name" in [item]: add name = "x" [missing-key]`,
				`5:9: item.status is 20: allowed is 100 to 599 [range]`,
				`5:13: element 2 of item.status must be a whole number, without point or exponent, not the text "x" [type]`,
			},
		},
		{
			name: "a table by itself", text: "[item]\nname='a'",
			faults: []string{`1:2: item must be a list of tables, each under a header in double brackets, such as [[name]], not a table [type]`},
		},
		{name: "no tables", text: "item = [1]", faults: []string{`1:9: element 1 of item must be a table, not the number 1 [type]`}},
		{name: "text for numbers", text: "[[item]]\nname='a'\nstatus='ok'", names: []string{"a"}, numbers: [][]int64{nil}, faults: []string{`3:8: item.status must be a whole number, without point or exponent, not the text "ok" [type]`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			names, numbers, faults := readLists(tt.text)
			if diff := cmp.Diff([]any{tt.names, tt.numbers, tt.faults}, []any{names, numbers, faults}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
