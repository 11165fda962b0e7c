package report

import (
	"slices"

	"github.com/fivegate/fivegate/gate/verdict"
)

// sarifRule is what a metric's results are instances of.
type sarifRule struct {
	ID       string              `json:"id"`
	Short    sarifMessage        `json:"shortDescription"`
	Full     sarifMessage        `json:"fullDescription"`
	Help     sarifMessage        `json:"help"`
	Default  sarifConfiguration  `json:"defaultConfiguration"`
	Category sarifRuleProperties `json:"properties"`
}

type sarifConfiguration struct {
	Level string `json:"level"`
}

type sarifRuleProperties struct {
	Tags []string `json:"tags"`
}

// sarifVerdict is the rule of results that no single metric is the cause of.
const sarifVerdict = "verdict"

// sarifRules are the rule of the verdict and those of the gating metrics, each
// once.
func sarifRules(m Model) []sarifRule {
	rules := []sarifRule{newSARIFRule(sarifVerdict, verdictAbout)}
	for _, r := range m.gating() {
		if m.suite != nil {
			r.name = r.unit // a rule for each would be as many as there are benchmarks
		}
		if ruleIndex(rules, r.name) < 0 { // a stranger may call a metric verdict
			rules = append(rules, newSARIFRule(r.name, aboutOf(r.name)))
		}
	}
	return rules
}

// ruleIndex is the place of a rule, or −1.
func ruleIndex(rules []sarifRule, id string) int {
	return slices.IndexFunc(rules, func(r sarifRule) bool { return r.ID == id })
}

func newSARIFRule(id string, a about) sarifRule {
	return sarifRule{
		ID:       id,
		Short:    newSARIFMessage(a.what),
		Full:     newSARIFMessage(sentence(a.what) + " " + a.how),
		Help:     newSARIFMessage(sentence(a.what) + " " + a.how + " " + a.do),
		Default:  sarifConfiguration{sarifError},
		Category: sarifRuleProperties{[]string{"performance"}},
	}
}

// about says what a rule is about: a phrase, how it is judged, and what to do
// about a result.
type about struct{ what, how, do string }

var verdictAbout = about{
	"The measurement as a whole",
	"It is invalid when something broke while measuring, when the load engine rather than the target was the limit, " +
		"or when a metric that was to be judged is missing.",
	"Nothing is known of the change then. Mend what the message names, and run the check again.",
}

const (
	ratioHow = "Head is compared with base under the same requests at the same time. It is a regression when head is significantly worse " +
		"and the estimated change is beyond the limit."
	pairHow = "Head is compared with base in pairs of runs. It is a regression when head is significantly worse and the estimated change is beyond the limit."
	ratioDo = "An error names the change and its interval; above zero is worse, whatever the metric. Profile head against base under the same " +
		"scenario. A warning says that the run could not tell: give it more time, or a quieter machine. A note says that head became better."
	errorHow = "It is a regression when more requests fail in head than in base, by more than the limit and by more than chance gives."
	errorDo  = "Look at the kinds of errors in the report, and at the target's own output."
)

// abouts are the texts of the metrics that are known by name.
var abouts = map[string]about{
	verdict.CPUPerOp:   {"CPU time of the target for each completed request", ratioHow, ratioDo},
	verdict.Throughput: {"Requests completed in each CPU second of the target, as fast as it answers", ratioHow, ratioDo},
	verdict.LatencyP50: {"Median response time, from the moment that a request was due", ratioHow, ratioDo},
	verdict.LatencyP90: {"90th percentile of the response time, from the moment that a request was due", ratioHow, ratioDo},
	verdict.LatencyP99: {"99th percentile of the response time, freed of the machine's own stalls by requests that every round repeats", ratioHow, ratioDo},
	verdict.ErrorRate:  {"Share of requests that failed", errorHow, errorDo},
	"sec/op":           {"Time of an operation of a benchmark", pairHow, ratioDo},
	"B/op":             {"Bytes that an operation of a benchmark allocates", pairHow, ratioDo},
	"allocs/op":        {"Allocations that an operation of a benchmark makes", pairHow, ratioDo},
}

// aboutOf never fails: a metric of a later version is described by its name.
func aboutOf(metric string) about {
	if a, ok := abouts[metric]; ok {
		return a
	}
	return about{"The metric " + metric, ratioHow, ratioDo}
}
