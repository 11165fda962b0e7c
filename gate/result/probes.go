package result

import (
	"errors"
	"fmt"
	"math"
)

// Probes holds the latency of each probe operation in each round of a launch.
//
// Latencies are quantised to 2048 steps an octave, from 1 ns to 4.292 s:
// no more than 0.017% off, in 16 bits.
type Probes struct {
	Rounds     int         `json:"rounds"`
	Operations int         `json:"operations"` // probes in a round
	Packed     ProbeMatrix `json:"packed"`
}

// ProbeMatrix holds the quantised latencies of Probes, round by round: 0 for a
// probe that was not measured, else 1 + 2048·log2 of the nanoseconds, rounded.
//
// Its text form is the base64 of a zlib stream of all high bytes, then all low
// bytes: the former repeat, the latter hardly do.
type ProbeMatrix []uint16

const (
	stepsPerOctave = 2048
	maxProbeStep   = math.MaxUint16
	// maxProbeMatrixSize is the most bytes that the probes of one launch may
	// take: 16 million latencies.
	maxProbeMatrixSize = 32 << 20
)

// NewProbes returns probes for n operations in each of a number of rounds,
// none measured yet.
func NewProbes(rounds, n int) *Probes {
	return &Probes{Rounds: rounds, Operations: n, Packed: make(ProbeMatrix, rounds*n)}
}

// Set stores a latency in nanoseconds. Below 1 ns is stored as not measured,
// and beyond 4.292 s as 4.292 s.
func (p *Probes) Set(round, probe int, ns int64) {
	p.Packed[round*p.Operations+probe] = quantiseProbe(ns)
}

// At returns a latency in nanoseconds, 0 when the probe was not measured in
// that round.
func (p *Probes) At(round, probe int) float64 {
	step := p.Packed[round*p.Operations+probe]
	if step == 0 {
		return 0
	}
	return math.Exp2(float64(step-1) / stepsPerOctave)
}

func quantiseProbe(ns int64) uint16 {
	if ns < 1 {
		return 0
	}
	return uint16(min(1+math.Round(stepsPerOctave*math.Log2(float64(ns))), maxProbeStep))
}

// AppendText appends the text form, see ProbeMatrix.
func (m ProbeMatrix) AppendText(b []byte) ([]byte, error) {
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	n := len(m)
	planes := append(d.scratch[:0], make([]byte, 2*n)...)
	for i, step := range m {
		planes[i], planes[n+i] = byte(step>>8), byte(step)
	}
	d.scratch = planes
	d.out.Reset()
	if err := d.deflate(planes[:n], planes[n:]); err != nil {
		return nil, fmt.Errorf("compress probes: %w", err)
	}
	return strictBase64.AppendEncode(b, d.out.Bytes()), nil
}

// MarshalText returns the text form, see ProbeMatrix.
func (m ProbeMatrix) MarshalText() ([]byte, error) { return m.AppendText(nil) }

// UnmarshalText reads the text form, see ProbeMatrix. The matrix is not changed
// on error.
func (m *ProbeMatrix) UnmarshalText(text []byte) error {
	packed, err := strictBase64.AppendDecode(nil, text)
	if err != nil {
		return fmt.Errorf("probes are not base64: %w", err)
	}
	return m.decode(packed, nil)
}

// decode reads a zlib stream and takes its inflated size from budget.
func (m *ProbeMatrix) decode(packed []byte, budget *inflateBudget) error {
	d := inflaters.Get().(*inflater)
	defer inflaters.Put(d)
	planes, err := d.inflate(packed, maxProbeMatrixSize, budget)
	if err != nil {
		return fmt.Errorf("decompress probes: %w", err)
	}
	if len(planes)%2 != 0 {
		return errors.New("probes end within a latency")
	}
	n := len(planes) / 2
	steps := make(ProbeMatrix, n)
	for i := range steps {
		steps[i] = uint16(planes[i])<<8 | uint16(planes[n+i])
	}
	*m = steps
	return nil
}
