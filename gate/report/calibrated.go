package report

import (
	"fmt"
	"time"

	"github.com/fivegate/fivegate/gate/calibration"
	"github.com/fivegate/fivegate/gate/result"
)

// calibrated words what is known of checks on this runner.
func calibrated(c *result.Calibration) string {
	if c == nil {
		return ""
	}
	text := fmt.Sprintf("%s; measured %s over %s", calibration.Sentence(c), c.MeasuredAt.UTC().Format(time.DateOnly), count(c.Blocks, "block"))
	if c.LayoutSD > 0 {
		text += fmt.Sprintf("; two layouts differ by %s", percent(c.LayoutSD))
	}
	return text
}
