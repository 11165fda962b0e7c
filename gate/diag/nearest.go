package diag

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// nearest returns the candidate that a mistyped word most likely stands for:
// the one at the smallest edit distance, letter case not counting, the first
// of equals; else the first that contains the word or is contained in it, for
// words of which a part was left out; empty when none is near. Near is at most a
// third of the longer word's characters, and never more than three, and a part
// is at least three, so that short words do not attract everything.
func nearest(word string, candidates []string) string {
	best, bestDistance := "", maxEdits+1
	for _, c := range candidates {
		longer := max(utf8.RuneCountInString(word), utf8.RuneCountInString(c))
		allowed := min(max(longer/3, 1), maxEdits)
		if abs(utf8.RuneCountInString(word)-utf8.RuneCountInString(c)) > allowed {
			continue // also keeps a megabyte of key from costing a megabyte of work
		}
		if d := editDistance(strings.ToLower(word), strings.ToLower(c)); d <= allowed && d < bestDistance {
			best, bestDistance = c, d
		}
	}
	if best != "" {
		return best
	}
	for _, c := range candidates {
		if isPart(word, c) || isPart(c, word) {
			return c
		}
	}
	return ""
}

// isPart reports whether one word is a part of another that says enough to mean
// the whole.
func isPart(part, whole string) bool {
	return len(part) >= 3 && strings.Contains(strings.ToLower(whole), strings.ToLower(part))
}

// maxEdits is the largest distance at which words count as near. Chosen.
const maxEdits = 3

// editDistance is the optimal string alignment distance: the number of
// insertions, deletions, substitutions and swaps of neighbours that turn a
// into b, no stretch being edited twice (Damerau 1964; Levenshtein 1966).
func editDistance(a, b string) int {
	s, t := []rune(a), []rune(b)
	two, one, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(s); i++ {
		two, one, row = one, row, two
		row[0] = i
		for j := 1; j <= len(t); j++ {
			change := 1
			if s[i-1] == t[j-1] {
				change = 0
			}
			row[j] = min(one[j]+1, row[j-1]+1, one[j-1]+change)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
		}
	}
	return row[len(t)]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// Suggest returns the end of a message about a word that is not one of the
// allowed ones: the nearest, when there is one, and the list.
func Suggest(word string, allowed []string) string {
	if len(allowed) == 0 {
		return "nothing is allowed here"
	}
	quoted := slices.Sorted(slices.Values(allowed))
	for i, a := range quoted {
		quoted[i] = fmt.Sprintf("%q", a)
	}
	list := strings.Join(quoted, ", ")
	near := nearest(word, allowed)
	switch {
	case len(allowed) == 1:
		return "allowed is " + list
	case near == "":
		return "allowed are " + list
	case strings.EqualFold(near, word):
		return fmt.Sprintf("did you mean %q? Upper and lower case differ; allowed are %s", near, list)
	default:
		return fmt.Sprintf("did you mean %q? Allowed are %s", near, list)
	}
}

// brief quotes a text for a message, shortened when it is long.
func brief(s string) string {
	const most = 60 // chosen: enough to recognise it by
	if utf8.RuneCountInString(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q…", string([]rune(s)[:most]))
}
