package github

// MarkedForTest is a comment as it is sent.
func MarkedForTest(c Comment) string { return c.text() }

// ReadMarkerForTest reads the tag and run of a comment.
func ReadMarkerForTest(body string) (tag string, run int64, ok bool) {
	m, ok := readMarker(body)
	return m.tag, m.run.ID, ok
}
