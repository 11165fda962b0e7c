package refstore

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kinds of fault.
const (
	faultSlowdown    = "slowdown"
	faultSlowQueries = "slow-queries"
	faultStall       = "stall"
	faultErrors      = "errors"
	faultCrash       = "crash-after"
	faultHang        = "hang-after"
)

// Fault is something that a server can be told to do wrong.
type Fault struct {
	kind   string
	share  float64       // slowdown, slow-queries, errors: 0.08 is 8%
	factor float64       // slow-queries
	length time.Duration // stall, crash-after, hang-after
	period time.Duration // stall
}

// faultKind describes a kind of fault: its form, as in messages and help, what it
// does, and how its value is read.
type faultKind struct {
	name, form, effect string
	parse              func(f *Fault, value string) error
}

// faultKinds is every fault there is.
var faultKinds = []faultKind{
	{faultSlowdown, "slowdown=8%", "every request costs that much more CPU, of all that the process burns", (*Fault).parseShare},
	{faultSlowQueries, "slow-queries=2%x1.3", "that share of the queries, always the same ones, costs that many times the CPU", (*Fault).parseSlowQueries},
	{faultStall, "stall=100ms/5s", "nothing is answered for so long, once in each period", (*Fault).parseStall},
	{faultErrors, "errors=1%", "that share of the requests for memories, evenly spread, is answered 500", (*Fault).parseShare},
	{faultCrash, "crash-after=30s", "the process exits with code 3 that long after the first request for memories", (*Fault).parseAfter},
	{faultHang, "hang-after=30s", "requests are accepted and never answered from that long after the first request for memories", (*Fault).parseAfter},
}

// FaultHelp lists the faults, one a line: the form, and what it does.
func FaultHelp() string {
	var b strings.Builder
	for _, k := range faultKinds {
		fmt.Fprintf(&b, "  %-20s %s\n", k.form, k.effect)
	}
	return b.String()
}

// ParseFault reads a fault in one of the forms of FaultHelp. Nothing but that form
// is accepted: no spaces, no other units.
func ParseFault(text string) (Fault, error) {
	name, value, _ := strings.Cut(text, "=")
	for _, k := range faultKinds {
		if k.name != name {
			continue
		}
		f := Fault{kind: name}
		if err := k.parse(&f, value); err != nil {
			return Fault{}, fmt.Errorf("fault %q: %w; write it like %s", clip(text), err, k.form)
		}
		return f, nil
	}
	forms := make([]string, len(faultKinds))
	for i, k := range faultKinds {
		forms[i] = k.form
	}
	return Fault{}, fmt.Errorf("fault %q is unknown; the faults are %s", clip(text), strings.Join(forms, ", "))
}

// String is the fault in the form that ParseFault reads.
func (f Fault) String() string {
	switch f.kind {
	case faultSlowdown, faultErrors:
		return f.kind + "=" + percent(f.share)
	case faultSlowQueries:
		return f.kind + "=" + percent(f.share) + "x" + strconv.FormatFloat(f.factor, 'f', -1, 64)
	case faultStall:
		return f.kind + "=" + f.length.String() + "/" + f.period.String()
	default:
		return f.kind + "=" + f.length.String()
	}
}

// percent writes a share.
func percent(share float64) string {
	return strconv.FormatFloat(math.Round(share*1e10)/1e8, 'f', -1, 64) + "%"
}

// parseShare reads a percentage above 0: of at most 100, or for a slowdown 1000.
func (f *Fault) parseShare(value string) error {
	number, ok := strings.CutSuffix(value, "%")
	p, err := plainNumber(number)
	if !ok || err != nil {
		return fmt.Errorf("%q is no percentage", clip(value))
	}
	most := 100.0
	if f.kind == faultSlowdown {
		most = 1000
	}
	if p < 1e-6 || p > most {
		return fmt.Errorf("%s is outside 0.000001%% to %v%%", clip(value), most)
	}
	f.share = p / 100
	return nil
}

func (f *Fault) parseSlowQueries(value string) error {
	share, factor, ok := strings.Cut(value, "x")
	if !ok {
		return fmt.Errorf("%q lacks the x between share and factor", clip(value))
	}
	if err := f.parseShare(share); err != nil {
		return err
	}
	n, err := plainNumber(factor)
	if err != nil {
		return fmt.Errorf("%q is no factor", clip(factor))
	}
	if n <= 1 || n > 100 {
		return fmt.Errorf("factor %s is outside 1 (exclusive) to 100", clip(factor))
	}
	f.factor = n
	return nil
}

func (f *Fault) parseStall(value string) error {
	length, period, ok := strings.Cut(value, "/")
	if !ok {
		return fmt.Errorf("%q lacks the / between length and period", clip(value))
	}
	var err error
	if f.length, err = plainDuration(length); err != nil {
		return err
	}
	if f.period, err = plainDuration(period); err != nil {
		return err
	}
	if f.length >= f.period {
		return fmt.Errorf("a stall of %s does not fit in a period of %s", f.length, f.period)
	}
	return nil
}

func (f *Fault) parseAfter(value string) (err error) {
	f.length, err = plainDuration(value)
	return err
}

// plainNumber reads digits with an optional decimal part, and nothing else that
// strconv knows: no sign, exponent, hexadecimal, underscore or infinity.
func plainNumber(text string) (float64, error) {
	if strings.ContainsFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' }) {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(text, 64)
}

// plainDuration reads a Go duration above zero and of at most a day.
func plainDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || strings.ContainsAny(text, "+-") {
		return 0, fmt.Errorf("%q is no duration", clip(text))
	}
	if d <= 0 || d > 24*time.Hour {
		return 0, fmt.Errorf("duration %s is outside 1ns to 24h", clip(text))
	}
	return d, nil
}

// checkFaults refuses two faults of a kind, since one would hide the other.
func checkFaults(faults []Fault) error {
	for i, f := range faults {
		if slices.ContainsFunc(faults[:i], func(g Fault) bool { return g.kind == f.kind }) {
			return fmt.Errorf("fault %s is given twice", f.kind)
		}
	}
	return nil
}
