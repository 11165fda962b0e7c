package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/gate/waiver"
)

// maxRows is how many rows a table has that stands open: a screenful.
const maxRows = 12

// table shows the gating metrics of one leg, or of several what each found and
// the metrics that are not simply fine.
func table(c legs.Combined) string {
	switch len(c.Legs) {
	case 0:
		return ""
	case 1:
		return metricTable(c.Legs)
	}
	return legTable(c.Legs) + metricTable(c.Legs)
}

func legTable(all []legs.Leg) string {
	rows := make([][]string, 0, len(all))
	for i := range all {
		l := &all[i]
		rows = append(rows, []string{code(l.Label), text(plain(under(l), maxName)), l.Verdict.Status.Symbol() + " " + string(l.Verdict.Status.Known()), largest(l)})
	}
	return rule([]string{"runner class", "scenario", "verdict", "largest change"}, rows)
}

// largest is the gating metric of a leg that looks worst.
func largest(l *legs.Leg) string {
	worst := -1
	for i, m := range l.Verdict.Metrics {
		if m.Gating && m.HasEffect && m.Unit != verdict.UnitFraction && (worst < 0 || m.Effect > l.Verdict.Metrics[worst].Effect) {
			worst = i
		}
	}
	if worst < 0 {
		return "none"
	}
	return effect(l.Verdict.Metrics[worst]) + " " + called(l.Verdict.Metrics[worst], code)
}

// metricTable has a row for each gating metric; of several legs, only for those
// that are not fine.
func metricTable(all []legs.Leg) string {
	several := len(all) > 1
	header := []string{"metric", "change (+ is worse):", "interval:", "limit:", "decision"}
	if several {
		header = append([]string{"runner class"}, header...)
	}
	var rows [][]string
	for i := range all {
		l := &all[i]
		for _, m := range ranked(l) {
			if !m.Gating || several && (m.Decision == verdict.Clear || m.Decision == verdict.Better) {
				continue
			}
			if !m.HasEffect && m.Decision != verdict.Missing {
				continue // nothing was judged
			}
			row := []string{called(m, code), effect(m), interval(m), limit(m), decision(l, m)}
			if several {
				row = append([]string{code(l.Label)}, row...)
			}
			rows = append(rows, row)
		}
	}
	return rule(header, rows)
}

// waived says whether a waiver excuses a metric of a leg.
func waived(l *legs.Leg, metric string) bool {
	return slices.ContainsFunc(l.Waivers, func(u waiver.Use) bool { return u.Metric == metric && u.State == waiver.InUse })
}

// rule writes a table; a column whose title ends in a colon stands to the right,
// and rows beyond a screenful are counted.
func rule(header []string, rows [][]string) string {
	if len(rows) == 0 {
		return ""
	}
	var b strings.Builder
	titles, lines := "|", "|"
	for _, h := range header {
		title, right := strings.CutSuffix(h, ":")
		titles, lines = titles+" "+title+" |", lines+" ---"
		if right {
			lines += ":"
		}
		lines += " |"
	}
	b.WriteString(titles + "\n" + lines + "\n")
	for _, row := range rows[:min(len(rows), maxRows)] {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	if n := len(rows) - maxRows; n > 0 {
		fmt.Fprintf(&b, "\nand %s, in the folded parts.\n", count(n, "more row"))
	}
	return b.String() + "\n"
}

// waivers lists every waiver that covers a leg, in use or not: an exception that
// does not show is forgotten.
func waivers(c legs.Combined) string {
	var rows [][]string
	for i := range c.Legs {
		l := &c.Legs[i]
		for _, u := range l.Waivers {
			state := string(u.State)
			if u.Late && u.State == waiver.Idle {
				state = "expired, and not needed: remove it"
			}
			rows = append(rows, []string{
				code(u.Waiver.Name), code(u.Metric), change(u.Unit, u.Effect), change(u.Unit, u.Waiver.Ceiling), state, u.Waiver.Day(), text(plain(u.Waiver.Owner, maxName)), text(u.Waiver.Reason),
			})
		}
	}
	if len(rows) == 0 {
		return ""
	}
	return "**Waivers**\n\n" + rule([]string{"waiver", "metric", "change:", "ceiling:", "state", "last day", "owner", "reason"}, rows)
}
