package verdict

import "github.com/fivegate/fivegate/gate/result"

// demotions are the metrics that a calibration of the runner found too noisy to
// gate on.
func demotions(doc *result.Document) []result.Demotion {
	if doc.Plan.Calibration == nil {
		return nil
	}
	return doc.Plan.Calibration.Demoted
}

// demoted are the rows of the metrics that would gate but for the calibration. They
// are there even when they cannot be estimated: nothing is demoted silently.
func (e *evidence) demoted() []Metric {
	var out []Metric
	for _, d := range demotions(e.doc) {
		m := e.quote(d.Metric)
		if ev, err := e.one(d.Metric); err == nil && ev.Rates == nil {
			m.setEffect(ev.Effect, oneSided95, oneSided95)
			m.MDE = finite(ev.Effect.MDE(oneSided95, power))
		}
		m.Decision, m.Reason = Watching, "too noisy on this runner to judge: "+d.Reason
		out = append(out, m)
	}
	return out
}
