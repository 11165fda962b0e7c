package resulttest

import (
	"math"
	"math/rand/v2"

	"github.com/fivegate/fivegate/gate/result"
)

// The synthetic target: log-normal latencies, and CPU time that is a share of
// the median latency.
const (
	medianNS  = 400e3
	latencySD = 0.5 // of the log
	cpuPerOp  = 300e-6
	rssBytes  = 64 << 20
)

// synthesis is a check in the making.
type synthesis struct {
	Options
	random   *rand.Rand
	recorder *result.Recorder
	document *result.Document
	layouts  []logEffects // of base, then of head
	now      float64      // s from the start
}

// logEffects is a log effect for each of metrics, above 0 worse.
type logEffects [6]float64

// Positions in metrics.
const (
	cpuPerRequest = iota
	throughput
	latencyP50
	latencyP90
	latencyP99
	errorRate
)

// draw returns effects of which each is normal, but for that on error_rate,
// whose only noise is that of sampling.
func (s *synthesis) draw(sd float64) (e logEffects) {
	for i := range e[:errorRate] {
		e[i] = sd * s.random.NormFloat64()
	}
	return e
}

func sum(effects ...logEffects) (total logEffects) {
	for _, e := range effects {
		for i := range e {
			total[i] += e[i]
		}
	}
	return total
}

// latency returns the log effect on the u-quantile of latency, which is linear
// in u between the quantiles for which there is a metric.
func (e *logEffects) latency(u float64) float64 {
	p50, p90, p99 := e[latencyP50], e[latencyP90], e[latencyP99]
	switch {
	case u <= 0.5:
		return p50
	case u <= 0.9:
		return p50 + (p90-p50)*(u-0.5)/0.4
	case u <= 0.99:
		return p90 + (p99-p90)*(u-0.9)/0.09
	default:
		return p99
	}
}

// block adds one launch of each arm, with its rounds.
func (s *synthesis) block(block int) {
	headFirst := s.random.IntN(2)
	var launches [2]int
	var effects [2]logEffects
	for arm := range launches {
		layout := block % s.Layouts
		launches[arm] = len(s.document.Launches)
		effects[arm] = sum(s.layouts[arm*s.Layouts+layout], s.draw(s.LaunchSD))
		if arm == 1 {
			effects[arm] = sum(effects[arm], s.head())
		}
		s.launch(block, arm, layout, (arm+headFirst)%2)
	}
	s.now += readyS + loadS + warmUpS
	for round := range s.Rounds {
		common, first := s.draw(s.CommonSD), (round+round/2+headFirst)%2
		var now [2]logEffects
		for arm := range launches {
			now[arm] = sum(effects[arm], common, s.draw(s.RoundSD))
			s.probe(launches[arm], round, &now[arm])
		}
		for _, phase := range []result.Phase{result.PhaseOpen, result.PhaseClosed} {
			for arm, launch := range launches {
				slice := result.Slice{Launch: launch, Round: round, Phase: phase, Mode: s.Mode, StartS: s.now, Position: (arm + first) % 2}
				s.slice(&slice, &now[arm])
			}
			s.now += openS
		}
	}
	if block%soloEvery == 0 {
		for arm, launch := range launches {
			effects := sum(effects[arm], s.draw(s.RoundSD))
			s.slice(&result.Slice{Launch: launch, Phase: result.PhaseOpen, Mode: result.ModeSolo, StartS: s.now}, &effects)
			s.now += openS
		}
	}
}

// head returns the true effects.
func (s *synthesis) head() (e logEffects) {
	for i, metric := range metrics {
		e[i] = s.Effects[metric]
	}
	return e
}

func (s *synthesis) launch(block, arm, layout, order int) {
	ready := s.now + readyS
	launch := result.Launch{
		ID: len(s.document.Launches), Arm: s.document.Arms[arm].Name, Block: block, Layout: layout, Order: order,
		StartS: s.now, ReadyS: readyS, LoadS: loadS, WarmUpS: warmUpS, Ended: result.EndedStopped,
		Series: []result.Series{{Name: "rss_bytes", AtS: []float64{ready, ready + loadS}, Values: []float64{rssBytes / 2, rssBytes}}},
		Events: []result.Event{{AtS: ready + loadS, Name: "dataset-loaded"}, {AtS: ready + loadS + warmUpS, Name: "warmed-up"}},
	}
	if s.Probes > 0 {
		launch.Probes = result.NewProbes(s.Rounds, s.Probes)
	}
	s.document.Launches = append(s.document.Launches, launch)
}

// probe measures all probes in one round: the q-th of n is always the one at
// the (q+½)/n quantile, but for a noise of its own.
func (s *synthesis) probe(launch, round int, effects *logEffects) {
	probes := s.document.Launches[launch].Probes
	for q := range s.Probes {
		u := (float64(q) + 0.5) / float64(s.Probes)
		log := latencySD*math.Sqrt2*math.Erfinv(2*u-1) + effects.latency(u) + math.Abs(0.1*s.random.NormFloat64())
		probes.Set(round, q, int64(medianNS*math.Exp(log)))
	}
}

// slice measures one slice, and adds it.
func (s *synthesis) slice(slice *result.Slice, effects *logEffects) {
	requests, cpu := s.RatePerS*openS, cpuPerOp*math.Exp(effects[cpuPerRequest])
	slice.DurationS = openS
	if slice.Phase == result.PhaseClosed {
		requests, cpu = 2*s.RatePerS*closedS*math.Exp(-effects[throughput]), cpuPerOp*math.Exp(effects[throughput])
		slice.DurationS = closedS
	}
	slice.Sent = int64(math.Round(requests))
	slice.Due = slice.Sent
	var completed int64
	for i, name := range operations {
		share := slice.Sent*int64(i+1)/int64(len(operations)) - slice.Sent*int64(i)/int64(len(operations))
		operation := s.operation(name, share, slice.Phase, effects)
		completed += operation.Completed
		slice.Operations = append(slice.Operations, operation)
	}
	slice.CPUS = cpu * float64(completed)
	slice.RSSBytes = rssBytes
	slice.Engine = result.Engine{
		LagP99NS: 20e3, LagP999NS: 40e3, LagMaxNS: 60e3, ServiceP50NS: 0.9 * medianNS, ServiceP99NS: 3 * medianNS,
		CPUS: 20e-6 * float64(slice.Sent), ForeignS: 0.01,
	}
	s.document.Slices = append(s.document.Slices, *slice)
}

func (s *synthesis) operation(name string, sent int64, phase result.Phase, effects *logEffects) result.Operation {
	failed := int64(0)
	failing := s.ErrorRate + effects[errorRate]
	s.recorder.Reset()
	for range sent {
		if failing > 0 && s.random.Float64() < failing {
			failed++
			continue
		}
		if phase == result.PhaseOpen {
			z := s.random.NormFloat64()
			u := 0.5 * math.Erfc(-z/math.Sqrt2)
			s.recorder.Record(int64(medianNS * math.Exp(latencySD*z+effects.latency(u))))
		}
	}
	operation := result.Operation{Name: name, Completed: sent - failed}
	if failed > 0 {
		operation.Errors = map[string]int64{"timeout": failed}
	}
	if phase == result.PhaseOpen && operation.Completed > 0 {
		operation.Response = s.recorder.Histogram()
	}
	return operation
}
