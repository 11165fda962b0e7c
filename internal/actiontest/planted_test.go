//go:build !proof

package actiontest

// planted is a slow-down that a minute shows on a busy machine, so that the test is
// about the action and not about the statistics. Where even that cannot be shown,
// the check must block all the same, unless it is strict.
const (
	planted = "40%"
	strict  = false
)
