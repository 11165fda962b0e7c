package hook

import (
	"context"
	"slices"
	"strings"
)

// Skip says why a push is not to be checked; empty when it is. Asked are GATE_SKIP,
// SKIP (by which pre-commit's users leave hooks out), LEFTHOOK=0, CI, where the
// workflows check, and git's configuration gate.hook=false. It must be asked before
// ForgetRepository, which forgets what `git -c gate.hook=false push` says.
func Skip(ctx context.Context, dir string, getenv func(string) string) (string, error) {
	switch {
	case isTrue(getenv("GATE_SKIP")):
		return "GATE_SKIP is set", nil
	case skips(getenv("SKIP")):
		return "SKIP names it", nil
	case isFalse(getenv("LEFTHOOK")):
		return "LEFTHOOK is 0", nil
	case isTrue(getenv("CI")):
		return "this is CI, where gate check is a step of its own", nil
	}
	wanted, err := config(ctx, dir, "--type=bool", "--get", "gate.hook")
	if err != nil || wanted != "false" {
		return "", err
	}
	return "git's configuration says gate.hook=false", nil
}

func isFalse(value string) bool {
	return slices.Contains([]string{"0", "false", "no", "off"}, strings.ToLower(strings.TrimSpace(value)))
}

func isTrue(value string) bool { return strings.TrimSpace(value) != "" && !isFalse(value) }

// skips says whether a list of names separated by commas holds this hook's.
func skips(list string) bool {
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name == "gate" || name == "gate-pre-push" {
			return true
		}
	}
	return false
}
