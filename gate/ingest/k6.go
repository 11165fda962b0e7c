package ingest

import (
	"bytes"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
)

func isK6(f *file) bool {
	return f.starts("{") && f.mentions("metrics", "root_group")
}

// k6Judged are the statistics of a trend of times whose direction is worth a
// judgement; the least and the largest value are luck.
var k6Judged = []string{"avg", "med", "p(90)", "p(95)", "p(99)"}

// readK6 reads the summary at the end of a test, in either of its forms: each
// statistic is one value of one run.
func readK6(f *file, s *Side) {
	metrics := f.json().member("metrics")
	if metrics != nil && metrics.kind != '{' {
		metrics.fault("kind", "is %s, need an object", kindName(metrics.kind))
		return
	}
	if metrics == nil {
		return
	}
	order := slices.Clone(metrics.names) // k6 writes them in the order of a map
	slices.Sort(order)
	for _, name := range order {
		s.k6Metric(name, metrics.find(name))
	}
}

// k6Phases are parts of a request that the machine of the test and its network
// decide more than the target does: shown, and not judged.
var k6Phases = []string{"http_req_blocked", "http_req_connecting", "http_req_tls_handshaking", "http_req_sending", "http_req_receiving"}

// k6Watch keeps the phases of a request from being judged.
func (s *Side) k6Watch(name string) {
	base, _, _ := strings.Cut(name, "{")
	if slices.Contains(k6Phases, base) {
		s.Watched[name] = true
	}
}

// k6Failed refuses a test whose requests failed: they say nothing of speed.
func (n *node) k6Failed(name string, share float64) {
	if name == "http_req_failed" && share > failedShare {
		n.fault("failed", "says that %.2f%% of the requests failed; a failed request says nothing of speed: mend the target or the script (http.setResponseCallback says what is expected)", 100*share)
	}
}

func (s *Side) k6Metric(name string, n *node) {
	values := n.find("values") // handleSummary has them one level lower
	if values == nil {
		values = n
	}
	isTime := n.optional("contains") == "time" || n.find("contains") == nil && k6Time(name)
	out := Record{Name: name, Process: s.processes}
	for _, statistic := range slices.Sorted(slices.Values(values.names)) {
		value := values.find(statistic)
		if value.kind != '0' {
			continue
		}
		unit, factor := statistic, 1.0
		var better result.Better
		switch {
		case statistic == "passes" || statistic == "fails" || statistic == "count" || statistic == "thresholds":
			continue // of how long the test was
		case statistic == "value" || statistic == "rate":
			unit = "rate"
		case isTime:
			unit, factor = statistic+"-sec", 1e-3
			if slices.Contains(k6Judged, statistic) {
				better = result.LowerIsBetter
			}
		}
		if x, ok := value.measured(); ok {
			if unit == "rate" {
				value.k6Failed(name, x)
			}
			s.unit(unit, better)
			out.Values = append(out.Values, Value{unit, x * factor})
		}
	}
	if len(out.Values) > 0 {
		s.k6Watch(name)
		s.add(out)
	}
}

// k6Time says whether a metric of k6's own is of time; the older summary does not
// say it.
func k6Time(name string) bool {
	name, _, _ = strings.Cut(name, "{")
	return name == "iteration_duration" || name == "group_duration" || name == "grpc_req_duration" ||
		strings.HasPrefix(name, "http_req_") && name != "http_req_failed" ||
		name == "ws_connecting" || name == "ws_ping" || name == "ws_session_duration"
}

func isK6Stream(f *file) bool {
	first, _, _ := bytes.Cut(bytes.TrimSpace(f.data), []byte{'\n'})
	return bytes.HasPrefix(first, []byte("{")) && bytes.Contains(first, []byte(`"metric"`)) && bytes.Contains(first, []byte(`"data"`))
}

// k6Kind is what the stream says of a metric before its first point.
type k6Kind struct{ kind, contains string }

// readK6Stream reads the stream of points. Those of trends are the samples, parts of
// one run; a rate is one value, its share. Counters and gauges follow from how
// long the test was, and are left out.
func readK6Stream(f *file, s *Side) {
	kinds := map[string]k6Kind{}
	rates := map[string][]float64{}
	var order []string
	var last *node
	for n := range f.jsonLines() {
		last = n
		data, name := n.member("data"), n.member("metric").str()
		switch kind := n.member("type").str(); kind {
		case "Metric":
			kinds[name] = k6Kind{data.member("type").str(), data.optional("contains")}
			order = append(order, name)
			s.k6Watch(name)
		case "Point":
			k, known := kinds[name]
			if !known {
				n.fault("order", "is a point of %q, which no line before it declares: is the beginning of the file cut off?", name)
				return
			}
			x, ok := data.member("value").measured()
			switch {
			case !ok:
			case k.kind == "rate":
				rates[name] = append(rates[name], x)
			case k.kind == "trend":
				s.k6Point(name, k, x)
			}
		case "":
		default:
			n.find("type").fault("kind", "is %q, need Metric or Point", kind)
		}
	}
	s.unit("rate", "")
	for _, name := range order {
		if points := rates[name]; len(points) > 0 {
			last.k6Failed(name, mean(points))
			s.add(Record{Name: name, Process: s.processes, Values: []Value{{"rate", mean(points)}}})
		}
	}
}

func (s *Side) k6Point(name string, k k6Kind, x float64) {
	unit, factor := "value", 1.0
	var better result.Better
	if k.contains == "time" {
		unit, factor, better = "sec", 1e-3, result.LowerIsBetter
	}
	s.unit(unit, better)
	s.add(Record{Name: name, Process: s.processes, Values: []Value{{unit, x * factor}}})
}

func mean(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

// jsonLines yields the JSON value of each line, up to the first line that is at
// fault. The last line must be complete.
func (f *file) jsonLines() func(yield func(*node) bool) {
	return func(yield func(*node) bool) {
		for start := 0; start < len(f.data); {
			end := bytes.IndexByte(f.data[start:], '\n')
			if end < 0 {
				f.fault(start, "json", "the file ends in the middle of a line: is it cut off?")
				return
			}
			end += start
			if len(bytes.TrimSpace(f.data[start:end])) > 0 {
				before := len(f.faults)
				n := f.parseJSON(start, end)
				if n == nil || !yield(n) || len(f.faults) > before {
					return
				}
			}
			start = end + 1
		}
	}
}
