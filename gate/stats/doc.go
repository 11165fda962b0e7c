// Package stats turns paired measurements into effects with honest intervals,
// and effects into a decision.
//
// It is pure: no clock, no files, no global randomness; the same input gives
// the same bits. It knows nothing of requests or histograms: the unit of
// evidence is a round inside a block (one launch of base and one of head), and
// nothing smaller is ever treated as independent.
//
// An effect is a natural logarithm of head over base, signed by the caller so
// that + is worse. 100·(e^θ − 1) is the change in percent that a report shows.
//
//	blocks := [][]float64{{0.081, 0.079}, {0.074, 0.090}, …} // one row a block
//	effect, err := stats.Estimate(blocks, stats.Layouts{}, 0)
//	effect.Lower(0.004) // one-sided bound at level 0.4%
//
//	levels, err := stats.Boundaries([]float64{0.5, 0.75, 1}, 0.02)
//	decision, err := stats.Decide(evidence, rule, stats.Look{Level: levels[0]})
//
// What the rule does under launch luck, layout luck, heavy tails, drift and
// the like is simulated by package simulate and written down in
// docs/evidence/simulations.md.
package stats
