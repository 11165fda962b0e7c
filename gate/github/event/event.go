// Package event reads what GitHub says about the run that gate is in: the event
// payload and the GITHUB_* variables.
//
// The payload of a pull request from a fork holds names that a stranger chose.
// What is kept here is checked: repositories and owners are of GitHub's own
// alphabet, commits are hexadecimal, and a branch, which may hold nearly
// anything, is only ever sent as a query parameter.
package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Event is what publishing needs to know of a run.
type Event struct {
	Name       string // pull_request, merge_group, workflow_run, push, schedule, workflow_dispatch
	Repository string // owner/name, in which the workflow runs
	SHA        string // the commit that checks hang on: of a pull request its head, not the merge that was measured
	Run        Run    // the run that measured; of workflow_run the one that triggered this
	Pull       int    // number of the pull request; 0 when there is none, or none is known yet
	Fork       bool   // head is another repository, so this run's token cannot write
	Trigger    *Trigger
}

// Run is a workflow run.
type Run struct {
	ID, Attempt int64
}

// Trigger is the run that a workflow_run event is about.
type Trigger struct {
	Event  string // that triggered it
	Path   string // of its workflow file
	Owner  string // of the head repository
	Head   string // full name of the head repository; empty when it is gone
	Branch string // hostile: any text that git allows
}

// The alphabets of GitHub for owners and repositories, and of git for commits.
var (
	fullName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$`)
	owner    = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}(\[bot\])?$`)
	sha      = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
)

// payload is the part of the payloads that is read. Payloads have hundreds of
// other members, which are not looked at.
type payload struct {
	Repository  *repository  `json:"repository"`
	PullRequest *pullRequest `json:"pull_request"`
	MergeGroup  *struct {
		HeadSHA string `json:"head_sha"`
	} `json:"merge_group"`
	WorkflowRun *workflowRun `json:"workflow_run"`
	After       string       `json:"after"` // push
}

type repository struct {
	FullName string `json:"full_name"`
	Owner    struct {
		Login string `json:"login"`
	} `json:"owner"`
}

type pullRequest struct {
	Number int `json:"number"`
	Head   struct {
		SHA  string      `json:"sha"`
		Repo *repository `json:"repo"` // null when the fork is gone
	} `json:"head"`
}

type workflowRun struct {
	ID             int64       `json:"id"`
	RunAttempt     int64       `json:"run_attempt"`
	Event          string      `json:"event"`
	Path           string      `json:"path"`
	HeadSHA        string      `json:"head_sha"`
	HeadBranch     string      `json:"head_branch"`
	Repository     *repository `json:"repository"`
	HeadRepository *repository `json:"head_repository"`
}

// Read reads a payload and the variables of its run. An absent payload (nil) is
// fine for a run without one. Errors say which member is missing or of the wrong
// form.
func Read(text []byte, getenv func(string) string) (Event, error) {
	var p payload
	if len(text) > 0 {
		if err := json.Unmarshal(text, &p); err != nil {
			return Event{}, fmt.Errorf("event payload is not readable: %w", err)
		}
	}
	e := Event{Name: getenv("GITHUB_EVENT_NAME"), Repository: getenv("GITHUB_REPOSITORY"), SHA: getenv("GITHUB_SHA")}
	if e.Name == "" {
		e.Name = p.kind()
	}
	if err := e.repository(p.Repository); err != nil {
		return Event{}, err
	}
	if err := e.read(&p, getenv); err != nil {
		return Event{}, fmt.Errorf("event %s: %w", e.Name, err)
	}
	if e.SHA != "" && !sha.MatchString(e.SHA) {
		return Event{}, fmt.Errorf("event %s: head commit %.80q is no commit", e.Name, e.SHA)
	}
	return e, nil
}

// kind guesses the event from the payload, for a payload given by hand.
func (p *payload) kind() string {
	switch {
	case p.WorkflowRun != nil:
		return "workflow_run"
	case p.PullRequest != nil:
		return "pull_request"
	case p.MergeGroup != nil:
		return "merge_group"
	case p.After != "":
		return "push"
	}
	return "workflow_dispatch"
}

// repository takes the repository from the environment, or else from the
// payload; the two must agree.
func (e *Event) repository(r *repository) error {
	if r != nil && e.Repository == "" {
		e.Repository = r.FullName
	}
	switch {
	case e.Repository == "":
		return errors.New("the repository is not known: set GITHUB_REPOSITORY, or give an event payload")
	case !fullName.MatchString(e.Repository):
		return fmt.Errorf("repository %.200q is not of the form owner/name", e.Repository)
	case r != nil && r.FullName != e.Repository:
		return fmt.Errorf("the payload is of repository %.200q, but this run is in %s", r.FullName, e.Repository)
	}
	return nil
}

func (e *Event) read(p *payload, getenv func(string) string) error {
	if e.Name == "workflow_run" {
		return e.workflowRun(p.WorkflowRun)
	}
	var err error
	if e.Run, err = runOf(getenv); err != nil {
		return err
	}
	switch e.Name {
	case "pull_request_target":
		return errors.New("not supported, since its token can write while the code under test is a stranger's: use pull_request, and workflow_run to report")
	case "pull_request":
		return e.pullRequest(p.PullRequest)
	case "merge_group":
		if p.MergeGroup == nil {
			return errors.New("payload has no merge_group")
		}
		e.SHA = p.MergeGroup.HeadSHA
	}
	return nil
}

func (e *Event) pullRequest(pull *pullRequest) error {
	if pull == nil || pull.Number < 1 {
		return errors.New("payload has no pull_request with a number")
	}
	e.Pull, e.SHA = pull.Number, pull.Head.SHA
	if e.SHA == "" {
		return errors.New("payload has no pull_request.head.sha")
	}
	e.Fork = pull.Head.Repo == nil || pull.Head.Repo.FullName != e.Repository
	return nil
}

func (e *Event) workflowRun(run *workflowRun) error {
	switch {
	case run == nil || run.ID < 1 || run.RunAttempt < 1:
		return errors.New("payload has no workflow_run with an id and an attempt")
	case !sha.MatchString(run.HeadSHA):
		return fmt.Errorf("workflow_run.head_sha %.80q is no commit", run.HeadSHA)
	case run.Repository == nil || run.Repository.FullName != e.Repository:
		return fmt.Errorf("the triggering run is of another repository than %s", e.Repository)
	}
	e.SHA, e.Run = run.HeadSHA, Run{run.ID, run.RunAttempt}
	// A name of a workflow can be copied by a pull request, its path cannot; a
	// path may carry the branch that it was read from behind an @.
	path, _, _ := strings.Cut(run.Path, "@")
	e.Trigger = &Trigger{Event: run.Event, Path: path, Branch: run.HeadBranch}
	if head := run.HeadRepository; head != nil {
		if !fullName.MatchString(head.FullName) || !owner.MatchString(head.Owner.Login) {
			return fmt.Errorf("workflow_run.head_repository %.200q is not of the form owner/name", head.FullName)
		}
		e.Trigger.Head, e.Trigger.Owner = head.FullName, head.Owner.Login
	}
	e.Fork = e.Trigger.Head != e.Repository
	return nil
}

// runOf reads the run's own numbers; both are 0 outside of a run.
func runOf(getenv func(string) string) (Run, error) {
	var r Run
	for name, number := range map[string]*int64{"GITHUB_RUN_ID": &r.ID, "GITHUB_RUN_ATTEMPT": &r.Attempt} {
		text := getenv(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return Run{}, fmt.Errorf("%s is %.80q, need a number", name, text)
		}
		*number = n
	}
	return r, nil
}
