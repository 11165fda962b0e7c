package hook

import (
	"context"
	"fmt"
	"strings"
)

// Push is what git is about to do.
type Push struct {
	Remote string // its name, or its address where it has none
	Refs   []Ref
}

// Pair is a commit that the push publishes, and what it is to be compared with.
type Pair struct {
	Ref        string // that is pushed, as people write it
	Base, Head string // ids of commits
	Against    string // what base is, in words
}

// Plan is what there is to check of a push.
type Plan struct {
	Pairs []Pair
	Notes []string // refs that are not checked, and why
}

// Plan finds the pairs of a push. Each commit is checked once, whatever the number
// of refs that it is pushed to. Tags, notes and deletions are passed over, as is
// what brings no change. Base is what the remote has, where that is here and head
// continues it; else, for a new branch or after history was rewritten, the commit
// where head left the remote's main branch.
func (r *Repository) Plan(ctx context.Context, push Push) (Plan, error) {
	var plan Plan
	seen := map[string]bool{}
	for _, ref := range push.Refs {
		if ref.Deletes() || strings.HasPrefix(ref.Remote, "refs/tags/") || strings.HasPrefix(ref.Remote, "refs/notes/") {
			continue
		}
		head, err := r.commit(ctx, ref.LocalID)
		if err != nil {
			return Plan{}, err
		}
		if seen[head] {
			continue
		}
		seen[head] = true
		pair := Pair{Ref: ref.Name(), Head: head}
		why, err := r.base(ctx, push.Remote, ref, &pair)
		if err != nil {
			return Plan{}, err
		}
		if why != "" {
			plan.Notes = append(plan.Notes, pair.Ref+" is not checked: "+why)
			continue
		}
		plan.Pairs = append(plan.Pairs, pair)
	}
	return plan, nil
}

// commit is the commit that an id names; empty when it names none that is here.
func (r *Repository) commit(ctx context.Context, name string) (string, error) {
	found, err := r.answers(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil || !found {
		return "", err
	}
	return r.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
}

// base fills in the pair's base, or says why there is none.
func (r *Repository) base(ctx context.Context, remote string, ref Ref, pair *Pair) (why string, err error) {
	if pair.Head == "" {
		return "it is not a commit", nil
	}
	if !zero(ref.RemoteID) {
		pair.Base, err = r.continued(ctx, ref.RemoteID, pair.Head)
		pair.Against = "what the remote has"
	}
	if err == nil && pair.Base == "" {
		err = r.left(ctx, remote, pair)
	}
	switch {
	case err != nil:
		return "", err
	case pair.Base == "":
		return "there is no commit to compare it with: it shares no history with the remote's main branch, or that is not known (git remote set-head origin --auto, or git config gate.base NAME)", nil
	case pair.Base == pair.Head:
		return "it has nothing that " + pair.Against + " lacks", nil
	}
	same, err := r.answers(ctx, "diff-tree", "--quiet", pair.Base, pair.Head)
	if same {
		return "its files are those of " + pair.Against, nil
	}
	return "", err
}

// continued is the commit that the remote has, if it is here and head goes on from
// it; after a force push it often is not.
func (r *Repository) continued(ctx context.Context, id, head string) (string, error) {
	old, err := r.commit(ctx, id)
	if err != nil || old == "" {
		return "", err
	}
	before, err := r.answers(ctx, "merge-base", "--is-ancestor", old, head)
	if !before {
		return "", err
	}
	return old, err
}

// left makes base the commit where head left the main branch of the remote, as far
// as this repository knows it.
func (r *Repository) left(ctx context.Context, remote string, pair *Pair) error {
	branches, err := r.mainBranches(ctx, remote)
	if err != nil {
		return err
	}
	for _, branch := range branches {
		id, err := r.commit(ctx, branch)
		if err != nil {
			return err
		}
		if id == "" {
			continue
		}
		related, err := r.answers(ctx, "merge-base", id, pair.Head)
		if err != nil {
			return err
		}
		if related {
			pair.Against = "the merge base with " + strings.TrimPrefix(branch, "refs/remotes/")
			pair.Base, err = r.git(ctx, "merge-base", id, pair.Head)
		}
		return err
	}
	return nil
}

// mainBranches are names that the remote's main branch may have here, likeliest
// first: the one that is configured, the remote's own, and, for a fork that was
// never fetched from, origin's.
func (r *Repository) mainBranches(ctx context.Context, remote string) ([]string, error) {
	named, err := config(ctx, r.top, "--get", "gate.base")
	if err != nil {
		return nil, err
	}
	if named != "" {
		return []string{named}, nil
	}
	if remote, err = r.remoteName(ctx, remote); err != nil {
		return nil, err
	}
	initial, err := config(ctx, r.top, "--get", "init.defaultBranch")
	if err != nil {
		return nil, err
	}
	var branches []string
	for _, name := range []string{remote, "origin"} {
		for _, branch := range []string{"HEAD", "main", "master", initial} {
			if name != "" && branch != "" {
				branches = append(branches, fmt.Sprintf("refs/remotes/%s/%s", name, branch))
			}
		}
	}
	return branches, nil
}

// remoteName is the name of the remote that has an address; what is a name already
// stays as it is.
func (r *Repository) remoteName(ctx context.Context, remote string) (string, error) {
	all, err := config(ctx, r.top, "--get-regexp", `^remote\..*\.(url|pushurl)$`)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(all) {
		key, address, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		name := strings.TrimPrefix(key[:strings.LastIndexByte(key, '.')], "remote.")
		if name == remote || address == remote {
			return name, nil
		}
	}
	return "", nil
}
