package calibration

import (
	"math"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// Attenuate reads κ from a check in whose head the reference store had a slow-down
// planted (a fraction): how much of it the duet shows, and for comparison what the
// few solo slices show. Low and High are those of the duet's interval. A metric
// that the check has not is left out.
func Attenuate(planted *result.Document, slowdown float64) []Attenuation {
	out := []Attenuation{}
	rows := map[string]verdict.Metric{}
	for _, m := range verdict.Judge(planted).Metrics {
		rows[m.Name] = m
	}
	of := func(v float64) float64 { return math.Log1p(max(v, -0.99)) / math.Log1p(slowdown) }
	for _, name := range []string{verdict.CPUPerOp, verdict.LatencyP50} {
		duet, solo := rows[name], rows[name+".solo"]
		if !duet.HasEffect || slowdown <= 0 {
			continue
		}
		out = append(out, Attenuation{
			Metric: name, Planted: slowdown, Duet: duet.Effect, Solo: solo.Effect,
			Kappa: of(duet.Effect), Low: of(duet.Low), High: of(duet.High),
		})
	}
	return out
}
