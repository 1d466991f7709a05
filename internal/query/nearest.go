package query

import "strings"

// Nearest returns the candidate that is at most two letters away from word, of equals one that word begins, or else one
// that word begins, or "".
func Nearest(word string, candidates []string) string {
	best, distance := "", 3
	for _, c := range candidates {
		d := edits(word, c)
		if d < len(c) && (d < distance || d == distance && best != "" && strings.HasPrefix(c, word) && !strings.HasPrefix(best, word)) {
			best, distance = c, d
		}
	}
	if best != "" {
		return best
	}
	for _, c := range candidates {
		if len(word) > 1 && strings.HasPrefix(c, word) {
			return c
		}
	}
	return ""
}

// edits is the least number of letters inserted, left out or changed to make b of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
