//go:build proof

package calibration_test

import "testing"

// TestProofPredictionIsUnbiased is TestPredictionIsUnbiased with early looks and ten
// times the checks.
func TestProofPredictionIsUnbiased(t *testing.T) {
	predictionIsUnbiased(t, []int{7, 8, 10}, 240, 2400)
}
