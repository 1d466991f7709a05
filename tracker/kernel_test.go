package tracker

import (
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
)

// opening is a handshake and an answer.
const opening = `# A connection.
0.000 A > B: S   999:999(0)             win 64240 <mss 1460,sackOK,wscale 7>
0.010 B > A: S.  4999:4999(0)  ack 1000 win 65160 <mss 1460,sackOK,wscale 7>
0.020 A > B: .   1000:1000(0)  ack 5000 win 502
0.021 A > B: P.  1000:1100(100) ack 5000 win 502
0.031 B > A: P.  5000:5100(100) ack 1100 win 509
0.041 A > B: .   1100:1100(0)  ack 5100 win 502
`

// shut is the disease: A does not read, and B has more to send.
const shut = opening + `
1.000 B > A: .   5100:6548(1448) ack 1100 win 509
1.010 A > B: .   1100:1100(0)  ack 6548 win 0
1.220 B > A: .   6547:6547(0)  ack 1100 win 509
1.230 A > B: .   1100:1100(0)  ack 6548 win 0
1.640 B > A: .   6547:6547(0)  ack 1100 win 509
1.650 A > B: .   1100:1100(0)  ack 6548 win 0
2.480 B > A: .   6547:6547(0)  ack 1100 win 509
2.490 A > B: .   1100:1100(0)  ack 6548 win 0
4.140 B > A: .   6547:6547(0)  ack 1100 win 509
4.150 A > B: .   1100:1100(0)  ack 6548 win 0
`

// stage plays a trace to a tracker.
type stage struct {
	t     *testing.T
	items []trace.Item
	*Tracker
	seen     *witness
	verdicts []Hidden
	words    []*Word
	ends     [2]tcp.Endpoint // A, B
}

func newStage(t *testing.T, text string) *stage {
	t.Helper()
	script, err := trace.Parse("script", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, items: script.Items, seen: &witness{conns: map[tcp.FlowKey]*life{}}, ends: [2]tcp.Endpoint{script.Names[0].Endpoint, script.Names[1].Endpoint}}
	s.Tracker = New(Config{Sink: s.seen, Transitions: true, Witness: s, Facts: Verdict})
	return s
}

func (s *stage) Fact(f *Fact) {
	s.verdicts = append(s.verdicts, f.Hidden)
	s.words = append(s.words, f.Word)
}
func (s *stage) Next() int64           { return never }
func (s *stage) Advance(int64, uint64) {}

// until plays all that happened by that time, in milliseconds.
func (s *stage) until(ms int64) {
	now := trace.DefaultOrigin + ms*millisecond
	for len(s.items) > 0 && s.items[0].Time <= now {
		if s.items[0].Kind == trace.Segment {
			s.Observe([]tcp.Segment{s.items[0].Segment})
		}
		s.items = s.items[1:]
	}
	s.Tracker.Advance(now)
}

// says lets the kernel of A (0) or B (1) speak at a time, heard as soon as it can be.
func (s *stage) says(end int, ms int64, w Word) Heard {
	s.t.Helper()
	var dir tcp.Dir
	own, peer := s.ends[end], s.ends[1-end]
	w.Flow, dir = tcp.MakeFlow(own.Addr, peer.Addr, own.Port, peer.Port, own.V6)
	w.Local = dir
	w.Time = trace.DefaultOrigin + ms*millisecond
	w.Began = w.Time - millisecond
	s.until((w.Hearable() - trace.DefaultOrigin) / millisecond)
	return s.Hear(&w)
}

// are holds the claims to what a trace would say.
func (s *stage) are(want string) {
	s.t.Helper()
	if have := s.seen.ends(s.ends).String(); have != "= "+want {
		s.t.Errorf("have %q, want %q", have, "= "+want)
	}
	s.seen.complain(0, func(_ int, format string, args ...any) { s.t.Errorf(format, args...) })
}

func (s *stage) heard(h Heard, want Answer, verdict bool) {
	s.t.Helper()
	if h.Answer != want || h.Verdict != verdict {
		s.t.Errorf("the answer is %d, verdict %t; want %d, %t", h.Answer, h.Verdict, want, verdict)
	}
}

// The kernel says that the hidden close is one: the state is FIN_WAIT1, and stays so when the FIN comes.
func TestKernelConfirmsHiddenClose(t *testing.T) {
	s := newStage(t, shut+`
4.500 A > B: .   1100:1100(0)  ack 6548 win 502
4.510 B > A: F.  6548:6700(152) ack 1100 win 509
4.520 A > B: .   1100:1100(0)  ack 6701 win 502
`)
	s.until(2600)
	s.are("ESTABLISHED ESTABLISHED?{FIN_WAIT1}")
	s.heard(s.says(1, 2700, Word{State: FinWait1, SendQueue: 9000, Timer: "persist", Orphan: true}), Settled, true)
	s.are("ESTABLISHED FIN_WAIT1")
	s.heard(s.says(1, 3700, Word{State: FinWait1, SendQueue: 9000}), Agreed, false)
	s.until(4300)
	s.are("ESTABLISHED FIN_WAIT1")
	if len(s.verdicts) != 2 || s.verdicts[1] != HiddenConfirmed || s.words[1] == nil || s.words[1].SendQueue != 9000 {
		t.Errorf("verdicts %v, words %v", s.verdicts, s.words)
	}
	s.until(4600)
	s.are("CLOSE_WAIT FIN_WAIT2?")
}

// It says that the application has not closed: nothing else is possible, until it says otherwise.
func TestKernelExcludesHiddenClose(t *testing.T) {
	s := newStage(t, shut)
	s.heard(s.says(1, 2000, Word{State: Established, SendQueue: 9000}), Settled, true)
	s.are("ESTABLISHED ESTABLISHED")
	s.until(2600) // a probe widens nothing
	s.are("ESTABLISHED ESTABLISHED")
	s.heard(s.says(1, 3000, Word{State: Established, SendQueue: 9000}), Settled, false)
	s.are("ESTABLISHED ESTABLISHED")
	s.heard(s.says(1, 3800, Word{State: FinWait1, SendQueue: 9000}), Settled, true)
	s.are("ESTABLISHED FIN_WAIT1")
	if want := []Hidden{HiddenPossible, HiddenExcluded, HiddenConfirmed}; len(s.verdicts) != 3 || s.verdicts[1] != want[1] || s.verdicts[2] != want[2] {
		t.Errorf("verdicts %v, want %v", s.verdicts, want)
	}
}

// While probes pass nothing else is compared, but a window that stays shut lets no FIN out: the verdict needs no rest.
func TestKernelSpeaksAmidProbes(t *testing.T) {
	s := newStage(t, shut)
	s.heard(s.says(1, 2485, Word{State: FinWait1, SendQueue: 9000}), Restless, true)
	s.are("ESTABLISHED FIN_WAIT1")
	s = newStage(t, shut)
	s.heard(s.says(1, 1020, Word{State: FinWait1, SendQueue: 9000}), Restless, true) // before any probe
	s.are("ESTABLISHED FIN_WAIT1")
	s = newStage(t, shut)
	s.heard(s.says(1, 1005, Word{State: FinWait1, SendQueue: 9000}), Restless, false) // before the window was shut
}

// The window opens, and the FIN that leaves at once proves a close since the kernel denied one.
func TestWireProvesAfterKernelDenied(t *testing.T) {
	s := newStage(t, shut+`
4.500 A > B: .   1100:1100(0)  ack 6548 win 502
4.510 B > A: F.  6548:6700(152) ack 1100 win 509
`)
	s.heard(s.says(1, 4300, Word{State: Established, SendQueue: 9000}), Settled, true)
	s.until(4600)
	if n := len(s.verdicts); s.verdicts[n-1] != HiddenConfirmed {
		t.Errorf("verdicts %v", s.verdicts)
	}
	if from := s.waits.at(2).from; from != trace.DefaultOrigin+4300*millisecond {
		t.Errorf("hidden since %d ns, want the kernel's word", from-trace.DefaultOrigin)
	}
}

// What the kernel says of an end is compared when it rests; what was thought impossible is our error, and put right.
func TestKernelDiffers(t *testing.T) {
	s := newStage(t, opening)
	s.heard(s.says(0, 80, Word{State: Established}), Restless, false)
	s.heard(s.says(0, 1000, Word{State: Established}), Agreed, false)
	h := s.says(1, 1000, Word{State: CloseWait})
	s.heard(h, Differed, false)
	if h.Wire != Established || h.Possible != tcp.Set(Established) || h.Side != Server || h.View.Num() != 0 {
		t.Errorf("%+v", h)
	}
	s.are("ESTABLISHED CLOSE_WAIT")
	s.heard(s.says(1, 1100, Word{State: CloseWait}), Agreed, false)
	s.heard(s.says(1, 1200, Word{State: Closed}), Differed, false) // it is gone
	s.are("ESTABLISHED CLOSED")
	s.ends[1].Port++
	s.heard(s.says(1, 1300, Word{State: Established}), Unfollowed, false)
}

// A presumption that the kernel bears out is proven; one that it does not is taken back.
func TestKernelSettlesPresumptions(t *testing.T) {
	s := newStage(t, opening+`
1.000 B > A: F.  5100:5100(0) ack 1100 win 509
`)
	s.until(1100)
	s.are("CLOSE_WAIT? FIN_WAIT1")
	s.heard(s.says(0, 1200, Word{State: CloseWait}), Agreed, false)
	s.are("CLOSE_WAIT FIN_WAIT1")

	s = newStage(t, opening+`
1.000 B > A: F.  5100:5100(0) ack 1100 win 509
1.300 B > A: F.  5100:5100(0) ack 1100 win 509
1.310 A > B: .   1100:1100(0) ack 5101 win 502
`)
	s.heard(s.says(0, 1200, Word{State: Established}), Differed, false) // a firewall behind the tap
	s.are("ESTABLISHED FIN_WAIT1")
	s.until(1400)
	s.are("CLOSE_WAIT FIN_WAIT2?")
}
