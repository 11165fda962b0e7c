//go:build proof

package actiontest

// planted is twice the threshold, the smallest slow-down that the gate promises to
// see; on a quiet machine the verdict must be a regression.
const (
	planted = "10%"
	strict  = true
)
