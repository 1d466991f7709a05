package output

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tcptrack/tcptrack/tracker"
)

// blameMarks stand for the classes in a bar, a letter each, so that none is told by colour alone.
var blameMarks = [tracker.NumBlames]byte{
	tracker.BlameFlowing: '-', tracker.BlameHandshake: 'h', tracker.BlameWindowShut: 'W', tracker.BlamePeerSilent: 'S',
	tracker.BlameLoss: 'L', tracker.BlameClosing: 'c', tracker.BlameGap: 'G',
}

// BlameBar draws where a direction's time went in so many cells, as hWWWWWWWWWWWWWWWWWW-. What was at all has a cell, as
// long as there are enough.
func BlameBar(b tracker.Blame, cells int) string {
	total := b.Sum()
	if total <= 0 || cells < tracker.NumBlames {
		return ""
	}
	var widths [tracker.NumBlames]int
	left, longest := cells, 0
	for class, ns := range b {
		if ns > 0 {
			widths[class] = max(1, int(float64(ns)/float64(total)*float64(cells)+0.5))
			left -= widths[class]
		}
		if ns > b[longest] {
			longest = class
		}
	}
	widths[longest] += left // what rounding has made of it
	var bar strings.Builder
	for _, class := range blameOrder {
		bar.WriteString(strings.Repeat(string(blameMarks[class]), max(widths[class], 0)))
	}
	return bar.String()
}

// blameOrder is that of a bar: about that of a connection's life.
var blameOrder = [tracker.NumBlames]tracker.BlameClass{
	tracker.BlameHandshake, tracker.BlameFlowing, tracker.BlameWindowShut, tracker.BlamePeerSilent, tracker.BlameLoss, tracker.BlameGap, tracker.BlameClosing,
}

// BlameWords says the same, the longest first: W window shut 9.0 s (91 %), - flowing 812 ms (8 %).
func BlameWords(b tracker.Blame) string {
	var classes []tracker.BlameClass
	for class, ns := range b {
		if ns > 0 {
			classes = append(classes, tracker.BlameClass(class))
		}
	}
	slices.SortStableFunc(classes, func(x, y tracker.BlameClass) int { return cmp.Compare(b[y], b[x]) })
	total := float64(b.Sum())
	var words []byte
	for i, class := range classes {
		part := fmt.Sprintf("%c %s %s (%.0f %%)", blameMarks[class], strings.ReplaceAll(class.String(), "_", " "), Span(b[class]), float64(b[class])/total*100)
		if i > 0 {
			part = ", " + part
		}
		words = append(words, part...)
	}
	return string(words)
}
