package anomaly

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
	"github.com/tcptrack/tcptrack/tracker"
)

// crowdsTold notes what is found of populations.
type crowdsTold []string

func (l *crowdsTold) Finding(f *Finding) {
	if f.Population {
		*l = append(*l, fmt.Sprintf("%d %s %v since %d until %d: %s %v", f.Time, f.ID, f.Status, f.Since, f.Until, f.Summary, f.Evidence))
	}
}

// unparted tells what one bench finds of populations.
func unparted(segs []tcp.Segment) (told crowdsTold) {
	bench := NewBench(Rules, nil, &told)
	tr := tracker.New(tracker.Config{Witness: bench, Facts: bench.Facts(), Seed: 1})
	tr.Observe(segs)
	tr.Close()
	return told
}

// parted tells what is found by the notes of several benches, which get so many segments together at a time; the benches
// have counted what is found of connections.
func parted(segs []tcp.Segment, parts, together int) (told crowdsTold, benches []*Bench) {
	judge := NewBench(Rules, nil, &told)
	var copies tracker.Copies
	trackers := make([]*tracker.Tracker, parts)
	for i := range parts {
		b := NewBench(Rules, nil, nil)
		b.Part(parts)
		benches = append(benches, b)
		trackers[i] = tracker.New(tracker.Config{Witness: b, Facts: b.Facts(), Parts: parts})
	}
	now := int64(0)
	take := func(each func(*tracker.Tracker)) {
		notes := make([][]Note, parts)
		for i, tr := range trackers {
			each(tr)
			notes[i] = benches[i].Notes(nil)
		}
		judge.Take(notes...)
		judge.Advance(now, 0)
	}
	for len(segs) > 0 {
		n := min(together, len(segs))
		for i := range segs[:n] {
			s := segs[i]
			now = max(now, s.Time)
			s.Copy = copies.Note(&s, now)
			tr := trackers[tracker.Part(&s.Flow)%parts]
			tr.Advance(now)
			tr.Observe([]tcp.Segment{s})
		}
		take(func(tr *tracker.Tracker) { tr.Advance(now) })
		segs = segs[n:]
	}
	take((*tracker.Tracker).Close)
	return told, benches
}

// TestPartsAgree: what several benches note of populations, each of its part, is found as by one, to the moment and the
// words.
func TestPartsAgree(t *testing.T) {
	found := map[string]bool{}
	hold := func(name string, segs []tcp.Segment) {
		want := unparted(segs)
		for _, parts := range []int{2, 7} {
			for _, together := range []int{1, 1024} {
				got, _ := parted(segs, parts, together)
				if i := diverge(got, want); i >= 0 {
					t.Errorf("%s, in %d parts, %d together: line %d of %d is\n%v\nwant, of %d,\n%v", name, parts, together, i, len(got), got[i:min(i+1, len(got))], len(want), want[i:min(i+1, len(want))])
				}
			}
		}
		found[name] = len(want) > 0
	}
	for _, tr := range traces(t) {
		var segs []tcp.Segment
		for i := range tr.Items {
			if it := &tr.Items[i]; it.Kind == trace.Segment {
				segs = append(segs, it.Segment)
			}
		}
		hold(tr.name, segs)
	}
	hold("floods", floods(20_000))
	hold("piles", piles(20_000))
	n := 0
	for _, is := range found {
		if is {
			n++
		}
	}
	if n < 12 || !found["floods"] || !found["piles"] {
		t.Errorf("too little is found: in %d captures, floods %v, piles %v", n, found["floods"], found["piles"])
	}
}

// TestPartsForgetAlike: which of many aborts are forgotten, and so which hosts are said to have forgotten, does not depend on
// who judges the part.
func TestPartsForgetAlike(t *testing.T) {
	w := newTalk(6)
	const n = 2 * maxKept
	pair := func(i int) (client, server tcp.Endpoint) { return host(byte(i>>14), 1024+i&(1<<14-1)), host(100, 80) }
	for i := range n {
		client, server := pair(i)
		w.put(1000, client, server, tcp.SYN, 999, 0)
		w.put(1000, server, client, tcp.SYN|tcp.ACK, 4999, 1000)
		w.put(1000, client, server, tcp.ACK, 1000, 5000)
		w.put(1000, client, server, tcp.RST|tcp.ACK, 1000, 5000)
	}
	w.now += 60 * nsPerSecond
	for i := range n {
		client, server := pair(i)
		w.put(1000, server, client, tcp.PSH|tcp.ACK, 5000, 1000)
		w.put(1000, client, server, tcp.RST, 1000, 0)
		reply := &w.segs[len(w.segs)-1]
		reply.Window, reply.IPID = 0, 0
	}
	bench := NewBench(Rules, nil, nil)
	tr := tracker.New(tracker.Config{Witness: bench, Facts: bench.Facts()})
	tr.Observe(w.segs)
	want := bench.Counts()[HalfOpen.Code]
	if want < n/4 || want > n*3/4 {
		t.Errorf("%d of %d aborts are remembered: the bound does not show", want, n)
	}
	_, benches := parted(w.segs, 3, 1024)
	got := 0
	for _, b := range benches {
		got += b.Counts()[HalfOpen.Code]
	}
	if got != want {
		t.Errorf("several remember %d aborts, one %d", got, want)
	}
}

// diverge is the first line that differs, -1 for none.
func diverge(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

// piles are so many connections to a few listeners, whose ends come to CLOSE_WAIT and TIME_WAIT, and go, so that they are
// about as many as make a pile.
func piles(n int) []tcp.Segment {
	w := newTalk(5)
	var waits [][2]tcp.Endpoint
	for i := range n {
		client, server := host(byte(w.r.IntN(4)), 1024+i%60_000), host(100+byte(w.r.IntN(2)), 80)
		w.put(2*millisecond, client, server, tcp.SYN, 999, 0)
		w.put(2*millisecond, server, client, tcp.SYN|tcp.ACK, 4999, 1000)
		w.put(2*millisecond, client, server, tcp.ACK, 1000, 5000)
		w.put(2*millisecond, client, server, tcp.FIN|tcp.ACK, 1000, 5000)
		w.put(2*millisecond, server, client, tcp.ACK, 5000, 1001)
		waits = append(waits, [2]tcp.Endpoint{client, server})
		for len(waits) > 80+w.r.IntN(60) {
			k := w.r.IntN(len(waits))
			client, server := waits[k][0], waits[k][1]
			waits = slices.Delete(waits, k, k+1)
			w.put(2*millisecond, server, client, tcp.FIN|tcp.ACK, 5000, 1001)
			w.put(2*millisecond, client, server, tcp.ACK, 1001, 5001)
		}
	}
	return w.segs
}
