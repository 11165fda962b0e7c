package diag

import (
	"strconv"
	"strings"
)

// Tables returns the tables of a list in the order of the file, from [[key]]
// headers or written as [{ … }, { … }], without elements that are not tables,
// which are faults; nil when there is no list, not nil when it is empty.
func (t *Table) Tables(key string) []*Table {
	v := t.value(key, kindTables, kindList)
	if v == nil {
		return nil
	}
	tables := make([]*Table, 0, len(v.list))
	for i, e := range v.list {
		if e.kind != kindTable {
			t.Fault(t.file.position(e.at), "type", "element %d of %s must be a table, not %s", i+1, t.path(key), describe(e))
			continue
		}
		e.table.read = true
		tables = append(tables, e.table)
	}
	return tables
}

// Ints returns whole numbers within a range, written as one number or as a list
// of them, without those that are not allowed, which are faults; nil when the key
// is absent.
func (t *Table) Ints(key string, allowed Range[int64]) []int64 {
	v := t.value(key, kindInteger, kindList)
	if v == nil {
		return nil
	}
	elements := v.list
	if v.kind == kindInteger {
		elements = []*value{v}
	}
	numbers := make([]int64, 0, len(elements))
	for i, e := range elements {
		if e.kind != kindInteger {
			t.Fault(t.file.position(e.at), "type", "element %d of %s must be %s, not %s", i+1, t.path(key), wanted[kindInteger], describe(e))
			continue
		}
		n, err := parseInteger(e)
		if err != nil || !allowed.contains(n) {
			t.outOfRange(key, e, limits(allowed, formatInteger))
			continue
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func parseInteger(v *value) (int64, error) {
	return strconv.ParseInt(strings.ReplaceAll(v.data, "_", ""), 0, 64)
}

func formatInteger(n int64) string { return strconv.FormatInt(n, 10) }
