package stats

// String returns the state's name.
func (s MetricState) String() string {
	return [...]string{"open", "clear", "improved", "regressed"}[s&3]
}

// String returns the outcome's name.
func (o Outcome) String() string {
	names := [...]string{"inconclusive", "continue", "regression", "pass", "improvement"}
	if int(o) >= len(names) {
		return "inconclusive"
	}
	return names[o]
}
