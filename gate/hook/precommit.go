package hook

// FromPreCommit is the push as the pre-commit framework tells it: in variables,
// since it has read standard input itself, and only the first ref that is neither
// up to date nor deleted. It says false when pre-commit has not started this.
// https://pre-commit.com/#pre-push
func FromPreCommit(getenv func(string) string) (Push, bool) {
	if getenv("PRE_COMMIT") == "" {
		return Push{}, false
	}
	push := Push{Remote: getenv("PRE_COMMIT_REMOTE_NAME")}
	ref := Ref{
		Local: getenv("PRE_COMMIT_LOCAL_BRANCH"), LocalID: getenv("PRE_COMMIT_TO_REF"),
		Remote: getenv("PRE_COMMIT_REMOTE_BRANCH"), RemoteID: getenv("PRE_COMMIT_FROM_REF"),
	}
	if ref.LocalID == "" { // a history that the remote has nothing of
		ref.LocalID = ref.Local
	}
	if ref.Remote != "" && ref.LocalID != "" {
		push.Refs = []Ref{ref}
	}
	return push, true
}
