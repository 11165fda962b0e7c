package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/verdict"
)

// SARIF writes the verdict as SARIF 2.1.0 (OASIS Standard, with errata 01), for
// code scanning: a rule for each gating metric, and a result for each that is
// not clear. A result is an error when it is a cause of a verdict that blocks
// the merge, a warning when the check could not tell, and a note for an
// improvement. An invalid verdict has a result of its own, and so has one that
// blocks without such a metric: the log holds an error exactly when the verdict
// blocks.
//
// A change of speed has no line; results stand at the first line of gate.toml,
// and name the scenario as their logical location. The log names no path of the
// machine. The error is that of w.
func SARIF(w io.Writer, m Model) error {
	text, err := json.MarshalIndent(newSARIF(m), "", "  ")
	if err != nil {
		return fmt.Errorf("encode SARIF: %w", err)
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

const (
	sarifSchema  = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	sarifVersion = "2.1.0"
	sarifHome    = "https://github.com/fivegate/fivegate"
)

// Levels of a result, as the standard names them.
const (
	sarifError   = "error"
	sarifWarning = "warning"
	sarifNote    = "note"
)

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Automation  sarifAutomation   `json:"automationDetails"`
	Invocations []sarifInvocation `json:"invocations"`
	Results     []sarifResult     `json:"results"`
	Properties  sarifProperties   `json:"properties"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Home    string      `json:"informationUri"`
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifAutomation struct {
	ID string `json:"id"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	ExitCode      int                 `json:"exitCode"`
	Description   string              `json:"exitCodeDescription"`
	StartedAt     string              `json:"startTimeUtc"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string       `json:"level"`
	Message sarifMessage `json:"message"`
}

type sarifMessage struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifMessage      `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Metric       *summaryMetric    `json:"properties,omitempty"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI  string `json:"uri"`
	Base string `json:"uriBaseId"`
}

type sarifRegion struct {
	StartLine int `json:"startLine"`
}

type sarifLogical struct {
	Name          string `json:"name"`
	QualifiedName string `json:"fullyQualifiedName"`
}

// sarifProperties are what the standard has no place for.
type sarifProperties struct {
	Verdict     verdict.Status  `json:"verdict"`
	BlocksMerge bool            `json:"blocks_merge"`
	Headline    string          `json:"headline"`
	Reason      string          `json:"reason"`
	Next        string          `json:"next"`
	Notes       []string        `json:"notes"`
	Measured    summaryMeasured `json:"measured"`
}

func newSARIF(m Model) sarifLog {
	s, rules := m.summary, sarifRules(m)
	return sarifLog{sarifSchema, sarifVersion, []sarifRun{{
		// Validators want a version that begins with a number.
		Tool: sarifTool{sarifDriver{"Fivegate", sarifHome, strings.TrimPrefix(s.Measured.Tool, "v"), rules}},
		// What stands before the last slash keeps the results of one scenario
		// apart from those of another in the same repository.
		Automation:  sarifAutomation{"fivegate/" + s.Measured.Kind + "/" + s.Measured.Scenario + "/"},
		Invocations: []sarifInvocation{newSARIFInvocation(m)},
		Results:     sarifResults(m, rules),
		Properties:  sarifProperties{m.status, s.BlocksMerge, s.Headline, s.Reason, s.Next, s.Notes, s.Measured},
	}}}
}

func newSARIFInvocation(m Model) sarifInvocation {
	i := sarifInvocation{
		Successful:  m.status != verdict.Invalid,
		ExitCode:    m.summary.ExitCode,
		Description: m.closing,
		StartedAt:   m.summary.Measured.StartedAt,
	}
	if !i.Successful {
		i.Notifications = []sarifNotification{{sarifError, newSARIFMessage(m.closing)}}
	}
	return i
}

// newSARIFMessage escapes a text so that a viewer sees neither a placeholder nor
// a link in it (§3.11.5 and §3.11.6 of the standard).
func newSARIFMessage(text string) sarifMessage {
	return sarifMessage{strings.NewReplacer("{", "{{", "}", "}}", "](", "] (").Replace(text)}
}

func sarifResults(m Model, rules []sarifRule) []sarifResult {
	results := []sarifResult{}
	red := false
	for _, r := range m.gating() {
		level := sarifLevel(m, r.decision)
		if level == "" {
			continue
		}
		red = red || level == sarifError
		result := newSARIFResult(m, r.name, level, r.name+": "+r.said())
		if m.suite != nil {
			result.RuleID = r.unit
			result.Locations[0].Logical = []sarifLogical{{r.title, r.title}}
		}
		result.Metric = &r.numbers
		results = append(results, result)
	}
	if m.summary.BlocksMerge && (!red || m.status == verdict.Invalid) {
		text := join(sentence(m.closing), sentence(m.next))
		results = slices.Insert(results, 0, newSARIFResult(m, sarifVerdict, sarifError, text))
	}
	for i := range results {
		results[i].RuleIndex = ruleIndex(rules, results[i].RuleID)
	}
	return results
}

// sarifLevel is the level of a gating metric's result, or empty when there is
// nothing to say of it.
func sarifLevel(m Model, d verdict.Decision) string {
	switch d {
	case verdict.Clear:
		return ""
	case verdict.Better:
		return sarifNote
	case verdict.Worse, verdict.Missing:
		if m.summary.BlocksMerge {
			return sarifError
		}
	case verdict.Open, verdict.Watching:
	}
	return sarifWarning
}

func newSARIFResult(m Model, rule, level, message string) sarifResult {
	location := sarifLocation{Physical: sarifPhysical{sarifArtifact{"gate.toml", "%SRCROOT%"}, sarifRegion{1}}}
	scenario := m.summary.Measured.Scenario
	if scenario != "" {
		location.Logical = []sarifLogical{{scenario, scenario + "/" + rule}}
	}
	// GitHub matches results of one rule by the hash of their line; all of these
	// stand on the same one, so the hash is that of what they are about.
	sum := sha256.Sum256([]byte(scenario + "\x00" + rule))
	hash := hex.EncodeToString(sum[:8])
	return sarifResult{
		RuleID:       rule,
		Level:        level,
		Message:      newSARIFMessage(message),
		Locations:    []sarifLocation{location},
		Fingerprints: map[string]string{"scenarioMetric/v1": hash, "primaryLocationLineHash": hash + ":1"},
	}
}
