package stats

import (
	"fmt"
	"math"
)

// Layouts names the layout that each block used: Base[b] and Head[b] are
// layout numbers of block b, whatever their values. The zero Layouts says that
// nothing is known; one layout per arm is assumed then, the worst case.
type Layouts struct {
	Base, Head []int
}

// share returns S = ½(Σ_base w_l² + Σ_head w_l²), w_l being the share of all
// rounds that ran on layout l: 1 with one layout per arm.
func (l Layouts) share(sizes []float64) (float64, error) {
	if l.Base == nil && l.Head == nil {
		return 1, nil
	}
	if len(l.Base) != len(sizes) || len(l.Head) != len(sizes) {
		return 0, fmt.Errorf("%w: %d of base and %d of head for %d blocks", ErrLayouts, len(l.Base), len(l.Head), len(sizes))
	}
	return (concentration(l.Base, sizes) + concentration(l.Head, sizes)) / 2, nil
}

// concentration returns Σ w_l²; the sums are of whole numbers and thus exact.
func concentration(layouts []int, sizes []float64) float64 {
	perLayout := map[int]float64{}
	var total float64
	for b, l := range layouts {
		perLayout[l] += sizes[b]
		total += sizes[b]
	}
	var squares float64
	for _, n := range perLayout {
		squares += n * n
	}
	return squares / (total * total)
}

// withLayoutError adds to SEBlock what the spread between blocks cannot show
// of layout luck; see Estimate. kish is Σ(n_b/N)².
func (e Effect) withLayoutError(layoutSD, share, kish float64) (Effect, error) {
	if !(layoutSD >= 0) || math.IsInf(layoutSD, 1) {
		return Effect{}, fmt.Errorf("%w: %v", ErrLayoutSD, layoutSD)
	}
	missed := min(1, max(0, (share-kish)/(1-kish)))
	layout := layoutSD * math.Sqrt(missed)
	if layout == 0 {
		return e, nil
	}
	total := math.Hypot(e.SEBlock, layout)
	// Welch–Satterthwaite with a known second part; capped where t is normal.
	df := float64(e.DFBlock) * math.Pow(total/e.SEBlock, 4)
	e.DFBlock = int(min(df, 1e9)) // also when SEBlock is 0: df is +Inf
	e.SEBlock, e.SELayout = total, layout
	return e, nil
}
