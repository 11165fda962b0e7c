package actiontest

import (
	"strings"
	"testing"
)

// Whoever can change one of these can make the gate green.
func TestCodeOwnersGuardTheGate(t *testing.T) {
	owned := map[string]bool{}
	for line := range strings.Lines(read(t, "CODEOWNERS")) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 2 || !strings.HasPrefix(fields[1], "@") {
			t.Errorf("%q names no owner", strings.TrimSpace(line))
		}
		owned[fields[0]] = true
	}
	for _, path := range []string{
		"/.github/", "/.ci/", "/CODEOWNERS", "/action.yml", "/scripts/", "/cmd/gate/starter/",
		"/gate.toml", "/gate-waivers.toml", "/baselines/", "/workloads/scenarios/",
	} {
		if !owned[path] {
			t.Errorf("CODEOWNERS does not name %s", path)
		}
	}
}
