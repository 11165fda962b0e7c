package history

import (
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// TrendSchema names the version of what JSON writes.
const TrendSchema = "fivegate/trend/v1"

type jsonTrend struct {
	Schema     string       `json:"schema"`
	From       time.Time    `json:"from"`
	To         time.Time    `json:"to"`
	Threshold  float64      `json:"threshold"`
	Regressed  int          `json:"regressions"`
	ByChance   float64      `json:"expected_by_chance"` // findings among series that have none
	SeriesList []jsonSeries `json:"series"`             // worst first
}

type jsonSeries struct {
	Class    string          `json:"class"`
	Scenario string          `json:"scenario"`
	Metric   string          `json:"metric"`
	Unit     string          `json:"unit"`
	Better   string          `json:"better"`
	Runs     int             `json:"runs"`
	State    State           `json:"state"`
	Reason   string          `json:"reason"`
	Worst    float64         `json:"worst"` // + is worse
	Changes  []jsonChange    `json:"changes"`
	Drifts   []jsonDrift     `json:"drifts"`
	Release  *jsonComparison `json:"since_release,omitempty"`
	Month    *jsonComparison `json:"four_weeks,omitempty"`
	Spikes   []jsonRun       `json:"spikes"`
	Noise    []jsonNoise     `json:"noise"`
}

type jsonRun struct {
	Run    int       `json:"run"` // from 0, of the series
	At     time.Time `json:"at"`
	Commit string    `json:"commit"`
	Value  float64   `json:"value"`
}

type jsonChange struct {
	Run        int       `json:"run"` // first after the change, from 0
	At         time.Time `json:"at"`
	LastBefore string    `json:"last_before"`
	FirstAfter string    `json:"first_after"`
	Jump       bool      `json:"jump"`
	Before     float64   `json:"before"`
	After      float64   `json:"after"`
	Effect     float64   `json:"effect"`
	P          float64   `json:"p"`
	CameBackAt int       `json:"came_back_at,omitzero"`
	Returns    bool      `json:"returns,omitzero"`
	SameCommit bool      `json:"same_commit,omitzero"`
	Explained  string    `json:"explained,omitempty"`
}

type jsonDrift struct {
	From      jsonRun `json:"from"`
	To        jsonRun `json:"to"`
	Month     float64 `json:"per_month"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Total     float64 `json:"total"`
	P         float64 `json:"p"`
	Now       bool    `json:"goes_on"`
	Worse     bool    `json:"beyond_threshold"`
	Explained string  `json:"explained,omitempty"`
}

type jsonComparison struct {
	With    string  `json:"with"`
	Then    float64 `json:"then"`
	Now     float64 `json:"now"`
	Effect  float64 `json:"effect"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	P       float64 `json:"p"`
	Steps   int     `json:"steps"`
	Largest float64 `json:"largest_step"`
}

type jsonNoise struct {
	Run    int       `json:"run"`
	At     time.Time `json:"at"`
	Before float64   `json:"before"`
	After  float64   `json:"after"`
	P      float64   `json:"p"`
}

// JSON writes the trend for machines. Effects are fractions, + is worse.
func JSON(w io.Writer, t *Trend) error {
	out := jsonTrend{
		Schema: TrendSchema, From: t.From, To: t.To, Threshold: t.Options.Threshold,
		Regressed: len(t.Regressed()), ByChance: t.ByChance(), SeriesList: []jsonSeries{},
	}
	for i := range t.Series {
		out.SeriesList = append(out.SeriesList, t.Series[i].json())
	}
	if err := json.MarshalWrite(w, out, json.Deterministic(true), jsontext.WithIndent(" ")); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *Series) json() jsonSeries {
	out := jsonSeries{
		Class: s.Class, Scenario: s.Scenario, Metric: s.Metric, Unit: s.Unit, Better: string(s.Better),
		Runs: len(s.Runs), State: s.State, Reason: s.Reason, Worst: s.Worst,
		Changes: []jsonChange{}, Drifts: []jsonDrift{}, Spikes: []jsonRun{}, Noise: []jsonNoise{},
	}
	for _, c := range s.Changes {
		out.Changes = append(out.Changes, jsonChange{
			Run: c.Index, At: s.Runs[c.Index].At, LastBefore: s.Runs[c.Index-1].Commit, FirstAfter: s.Runs[c.Index].Commit,
			Jump: c.Jump, Before: c.Before, After: c.After, Effect: c.Effect, P: c.P,
			CameBackAt: c.CameBack, Returns: c.Returns, SameCommit: c.SameCommit, Explained: c.Explained.text(),
		})
	}
	for _, d := range s.Drifts {
		out.Drifts = append(out.Drifts, jsonDrift{
			From: s.jsonRun(d.From), To: s.jsonRun(d.To - 1), Month: d.Month, Low: d.Low, High: d.High,
			Total: d.Total, P: d.P, Now: d.Now, Worse: d.Worse, Explained: d.Explained.text(),
		})
	}
	out.Release, out.Month = s.Release.json(), s.Month.json()
	for _, i := range s.Spikes {
		out.Spikes = append(out.Spikes, s.jsonRun(i))
	}
	for _, n := range s.Noise {
		out.Noise = append(out.Noise, jsonNoise{Run: n.Index, At: s.Runs[n.Index].At, Before: n.Before, After: n.After, P: n.P})
	}
	return out
}

func (s *Series) jsonRun(i int) jsonRun {
	return jsonRun{Run: i, At: s.Runs[i].At, Commit: s.Runs[i].Commit, Value: s.Values[i]}
}

func (c *Comparison) json() *jsonComparison {
	if c == nil {
		return nil
	}
	return &jsonComparison{With: c.Name, Then: c.Then, Now: c.Now, Effect: c.Effect, Low: c.Low, High: c.High, P: c.P, Steps: c.Steps, Largest: c.Largest}
}

func (e *Explanation) text() string {
	if e == nil {
		return ""
	}
	return e.Reason + " (" + e.By + ")"
}
