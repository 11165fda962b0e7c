package stats

import "errors"

// The reasons why an estimate is refused. They are wrapped with the place of
// the fault; compare with errors.Is.
var (
	ErrTooFewBlocks = errors.New("too few blocks")
	ErrTooFewValues = errors.New("too few values")
	ErrEmptyBlock   = errors.New("block without rounds")
	ErrNotFinite    = errors.New("not a usable log ratio")
	ErrLayouts      = errors.New("layouts do not match the blocks")
	ErrLayoutSD     = errors.New("layout standard deviation is not a finite number of at least 0")
	ErrFractions    = errors.New("information fractions must be positive and ascending")
	ErrAlpha        = errors.New("alpha must be in (0, 0.5]")
	ErrCounts       = errors.New("impossible counts")
	ErrProbes       = errors.New("probe latencies do not match their rounds")
	ErrRule         = errors.New("unusable decision rule")
)
