package result

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxFaults is how many faults are told one by one; one mistake in a writer
// shows in every slice.
const maxFaults = 50

// faults collects what is wrong with a document.
type faults struct {
	list []readFault
	more int // found beyond maxFaults
}

// Error lists the faults, one a line.
func (f *faults) Error() string {
	var b strings.Builder
	if n := len(f.list) + f.more; n > 1 {
		fmt.Fprintf(&b, "%d faults in the document:\n", n)
	}
	for i := range f.list {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.list[i].Error())
	}
	if f.more > 0 {
		fmt.Fprintf(&b, "\nand %d more", f.more)
	}
	return b.String()
}

// place is a JSON pointer (RFC 6901) into the document.
type place string

// item is the place of an array's element.
func (p place) item(member string, i int) place {
	return p + place("/"+member+"/"+strconv.Itoa(i))
}

// add notes that a member of the object at a place is at fault; member is empty
// when the place itself is.
func (f *faults) add(at place, member, format string, args ...any) {
	if len(f.list) == maxFaults {
		f.more++
		return
	}
	if member != "" {
		at += place("/" + member)
	}
	f.list = append(f.list, readFault{jsontext.Pointer(at), fmt.Sprintf(format, args...)})
}

// number demands a finite number that is not negative.
func (f *faults) number(at place, member string, v float64) bool {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		f.add(at, member, "is %v, need a finite number", v)
	case v < 0:
		f.add(at, member, "is %v, need 0 or more", v)
	default:
		return true
	}
	return false
}

// fraction demands a number from 0 to 1.
func (f *faults) fraction(at place, member string, v float64) {
	if f.number(at, member, v) && v > 1 {
		f.add(at, member, "is %v, need a fraction from 0 to 1 (5%% is 0.05)", v)
	}
}

// seconds demands a time no longer than limit, which is what tells seconds from
// other units; what says what the limit is.
func (f *faults) seconds(at place, member string, v, limit float64, what string) {
	if f.number(at, member, v) && v > limit {
		f.add(at, member, "is %v, more than %s (%.6g s): is it in seconds?", v, what, limit)
	}
}

// count demands a whole number that is not negative.
func (f *faults) count(at place, member string, v int64) {
	if v < 0 {
		f.add(at, member, "is %d, need 0 or more", v)
	}
}

// oneOf demands one of the known values.
func oneOf[T ~string](f *faults, at place, member string, v T, known ...T) {
	for _, k := range known {
		if v == k {
			return
		}
	}
	f.add(at, member, "is %q, need one of %q", v, known)
}

// names demands names that are neither empty nor twice there.
func (f *faults) names(at place, member string, names []string) {
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		switch {
		case name == "":
			f.add(at.item(member, i), "", "is empty, need a name")
		case seen[name]:
			f.add(at.item(member, i), "", "is %q, which is listed before", name)
		}
		seen[name] = true
	}
}

// hash demands size hexadecimal digits, in lower case.
func (f *faults) hash(at place, member, v string, sizes ...int) {
	for _, size := range sizes {
		if len(v) == size && strings.Trim(v, "0123456789abcdef") == "" {
			return
		}
	}
	f.add(at, member, "is %q, need %d hexadecimal digits in lower case", v, sizes[0])
}
