package output

import (
	"testing"

	"github.com/tcptrack/tcptrack/tracker"
)

func TestBlame(t *testing.T) {
	const ms = 1_000_000
	hang := tracker.Blame{tracker.BlameFlowing: 812 * ms, tracker.BlameHandshake: 10 * ms, tracker.BlameWindowShut: 9040 * ms}
	for _, c := range []struct {
		blame      tracker.Blame
		cells      int
		bar, words string
	}{
		{hang, 24, "h--WWWWWWWWWWWWWWWWWWWWW", "W window shut 9.0 s (92 %), - flowing 812 ms (8 %), h handshake 10 ms (0 %)"},
		{tracker.Blame{tracker.BlameFlowing: 1}, 10, "----------", "- flowing 0 ms (100 %)"},
		{tracker.Blame{1, 1, 1, 1, 1, 1, 1}, 7, "h-WSLGc", "- flowing 0 ms (14 %), h handshake 0 ms (14 %), W window shut 0 ms (14 %), S peer silent 0 ms (14 %), L loss recovery 0 ms (14 %), c closing 0 ms (14 %), G capture gap 0 ms (14 %)"},
		{tracker.Blame{}, 10, "", ""},
		{hang, 3, "", "W window shut 9.0 s (92 %), - flowing 812 ms (8 %), h handshake 10 ms (0 %)"},
	} {
		if bar := BlameBar(c.blame, c.cells); bar != c.bar {
			t.Errorf("bar of %v: %q, want %q", c.blame, bar, c.bar)
		}
		if words := BlameWords(c.blame); words != c.words {
			t.Errorf("words of %v: %q, want %q", c.blame, words, c.words)
		}
	}
	for cells := tracker.NumBlames; cells < 80; cells++ {
		b := tracker.Blame{7, 1, 0, 9_000_000, 3, 4_000_000, 1}
		if n := len(BlameBar(b, cells)); n != cells {
			t.Errorf("%d cells of %d", n, cells)
		}
	}
}
