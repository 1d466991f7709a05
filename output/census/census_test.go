package census

import (
	"slices"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

var here = tcp.Addr{Lo: 10<<24 | 1}

// network sends segments into a tracker that a census looks at.
type network struct {
	*tracker.Tracker
	*Census
	n    uint64
	wall int64
}

func newNetwork(local ...tcp.Addr) *network {
	set := map[tcp.Addr]bool{}
	for _, a := range local {
		set[a] = true
	}
	w := &network{Census: New(set), wall: 1_700_000_000e9}
	w.Tracker = tracker.New(tracker.Config{Sink: w.Census, Connections: true, Seed: 1})
	return w
}

// send sends a segment from one end to the other.
func (w *network) send(from, to tcp.Endpoint, flags tcp.Flags, seq, ack tcp.Seq, window uint16, length int) {
	w.n++
	s := tcp.Segment{Time: int64(w.n) * 1e3, Number: w.n, Flags: flags, Seq: seq, Ack: ack, Window: window, Len: length, IPLen: 40 + length, TTL: 60}
	s.Flow, s.Dir = tcp.MakeFlow(from.Addr, to.Addr, from.Port, to.Port, false)
	w.Observe([]tcp.Segment{s})
}

// open opens a connection as far as segments say: 1 the SYN, 2 its answer, 3 the handshake's end, 4 a FIN.
func (w *network) open(client, server tcp.Endpoint, segments int) {
	if segments > 0 {
		w.send(client, server, tcp.SYN, 99, 0, 60000, 0)
	}
	if segments > 1 {
		w.send(server, client, tcp.SYN|tcp.ACK, 299, 100, 60000, 0)
	}
	if segments > 2 {
		w.send(client, server, tcp.ACK, 100, 300, 60000, 0)
	}
	if segments > 3 {
		w.send(server, client, tcp.FIN|tcp.ACK, 300, 100, 60000, 0)
	}
}

func still() Meters { return Meters{} }

// round looks until a round has ended.
func (w *network) round(t *testing.T) *Report {
	t.Helper()
	before := w.latest.Load()
	for range 1000 {
		w.wall += lookEvery + 1
		w.Census.Look(w.Tracker, still, w.wall)
		if r, _ := w.Latest(); r != before {
			return r
		}
	}
	t.Fatal("no round ends")
	return nil
}

// A round counts what Living shows, whole connections and half-open ones, however many looks it takes.
func TestRoundCountsTheLiving(t *testing.T) {
	w := newNetwork(here)
	for i := range 10_000 {
		client := tcp.Endpoint{Addr: tcp.Addr{Lo: 20<<24 + uint64(i)}, Port: 40000}
		server := tcp.Endpoint{Addr: here, Port: uint16(80 + i%3)}
		if i%2 == 0 {
			server.Addr.Lo++ // a neighbour's
		}
		w.open(client, server, 1+i%4)
	}
	r := w.round(t)
	want, local := map[Pair]uint32{}, [tcp.NumStates]uint64{}
	for v := range w.Living() {
		_, server := v.Endpoints()
		a, b := v.End(tracker.Client).State(), v.End(tracker.Server).State()
		want[pairOf(server.Port, a, b)]++
		local[b]++
	}
	if len(r.Pairs) != len(want) || len(want) != 3*4 || r.Local != local {
		t.Errorf("%d of %d pairs; here %v, not %v", len(r.Pairs), len(want), r.Local, local)
	}
	for p, n := range want {
		if client, server := p.States(); r.Pairs[p] != n {
			t.Errorf("port %d %v/%v: %d, not %d", p.Port(), client, server, r.Pairs[p], n)
		}
	}
	if r.Tracker.Connections != 10_000 || r.Now != w.Now() || r.Wall != w.wall {
		t.Errorf("%d connections, at %d and %d", r.Tracker.Connections, r.Now, r.Wall)
	}
}

// Both ends of a connection within this host count there, as ss shows them; the client's alone where the server is elsewhere.
func TestLocalEnds(t *testing.T) {
	w := newNetwork(here)
	other := tcp.Addr{Lo: 7}
	w.open(tcp.Endpoint{Addr: here, Port: 1}, tcp.Endpoint{Addr: here, Port: 80}, 4)    // FIN_WAIT1, CLOSE_WAIT
	w.open(tcp.Endpoint{Addr: here, Port: 2}, tcp.Endpoint{Addr: other, Port: 80}, 4)   // CLOSE_WAIT
	w.open(tcp.Endpoint{Addr: other, Port: 3}, tcp.Endpoint{Addr: other, Port: 80}, 4)  // the server's
	w.open(tcp.Endpoint{Addr: here, Port: 4}, tcp.Endpoint{Addr: other, Port: 5432}, 1) // SYN_SENT
	var want [tcp.NumStates]uint64
	want[tracker.FinWait1], want[tracker.CloseWait], want[tracker.SynSent] = 2, 2, 1
	if r := w.round(t); r.Local != want {
		t.Errorf("%v, not %v", r.Local, want)
	}
}

// The longest shut window is that of the port's connection that stalled first, and goes when it opens.
func TestZeroWindows(t *testing.T) {
	w := newNetwork()
	server := tcp.Endpoint{Addr: here, Port: 80}
	for i := range 2 {
		client := tcp.Endpoint{Addr: tcp.Addr{Lo: 7}, Port: uint16(1000 + i)}
		w.open(client, server, 3)
		w.send(server, client, tcp.ACK, 300, 100, 60000, 100)
		w.send(client, server, tcp.ACK, 100, 400, 0, 0)
		w.n += 1e6
	}
	w.Advance(int64(w.n) * 1e3)
	if s := w.round(t).ZeroWindows(); len(s) != 1 || s[80] < 2 || s[80] > 2.1 {
		t.Errorf("%v", s)
	}
	for i := range 2 {
		w.send(tcp.Endpoint{Addr: tcp.Addr{Lo: 7}, Port: uint16(1000 + i)}, server, tcp.ACK, 100, 400, 60000, 0)
	}
	w.round(t) // may have begun before
	if s := w.round(t).ZeroWindows(); len(s) != 0 {
		t.Errorf("open, and still %v", s)
	}
}

// What was there when the input ended is what is told of it afterwards.
func TestEnd(t *testing.T) {
	w := newNetwork()
	server := tcp.Endpoint{Addr: here, Port: 80}
	for i := range 9 {
		w.open(tcp.Endpoint{Addr: tcp.Addr{Lo: 7}, Port: uint16(1000 + i)}, server, 3+i%2)
	}
	w.Advance(w.Now() + 3e9)
	for i := range 5 {
		client := tcp.Endpoint{Addr: tcp.Addr{Lo: 8}, Port: uint16(1000 + i)}
		w.open(client, server, 1)
		w.send(server, client, tcp.RST|tcp.ACK, 0, 100, 0, 0)
	}
	w.Advance(w.Now() + 3e9) // the refused retire
	w.Close()
	w.End(w.Tracker.Stats(), Meters{Packets: w.n}, w.wall)
	r, ports := w.Latest()
	if len(r.Pairs) != 2 || r.Pairs[pairOf(80, tracker.Established, tracker.Established)] != 5 || r.Pairs[pairOf(80, tracker.CloseWait, tracker.FinWait1)] != 4 || !slices.Equal(ports, []uint16{80}) {
		t.Errorf("%v, ports %v", r.Pairs, ports)
	}
	if e := r.Ended; e.How[tracker.HowRefused] != 5 || e.Life.N != 14 || r.Packets()[0].Packets != w.n {
		t.Errorf("%+v", e)
	}
}

// Findings are counted once, stand open until they close, are withdrawn or their connection is forgotten, and move between
// severities.
func TestFindings(t *testing.T) {
	c := New(nil)
	at := func(r *anomaly.Rule) (open [severities]int, found, withdrawn uint64) {
		return c.findings.Open[places[r]], c.findings.Found[places[r]], c.findings.Withdrawn[places[r]]
	}
	f := anomaly.Finding{Rule: &anomaly.ZeroWindow, ID: "3-zero-window-stall-1", Severity: anomaly.Notice}
	f.Conn, f.Server.Port = 3, 443
	c.Finding(&f)
	f.Severity = anomaly.Warning
	c.Finding(&f)
	c.Finding(&f)
	g := f
	g.Rule, g.ID, g.Severity = &anomaly.FinWait1ZeroWindow, "3-fin-wait1-zero-window-1", anomaly.Critical
	c.Finding(&g)
	if open, found, _ := at(&anomaly.ZeroWindow); open != [severities]int{anomaly.Warning: 1} || found != 1 || c.findings.StuckOn[443] != 1 {
		t.Errorf("%v open, %d found, stuck %v", open, found, c.findings.StuckOn)
	}
	f.Status = anomaly.Closed
	c.Finding(&f)
	if open, found, _ := at(&anomaly.ZeroWindow); open != [severities]int{} || found != 1 || c.findings.StuckOn[443] != 1 {
		t.Errorf("%v open, %d found, stuck %v", open, found, c.findings.StuckOn)
	}
	g.Status = anomaly.Withdrawn
	c.Finding(&g)
	if open, found, withdrawn := at(&anomaly.FinWait1ZeroWindow); open != [severities]int{} || found != 1 || withdrawn != 1 || len(c.findings.StuckOn) != 0 {
		t.Errorf("%v open, %d found, %d withdrawn, stuck %v", open, found, withdrawn, c.findings.StuckOn)
	}
	h := anomaly.Finding{Rule: &anomaly.CloseWaitStuck, ID: "4-close-wait-stuck-1", Severity: anomaly.Warning}
	h.Conn = 4
	c.Finding(&h)
	over := anomaly.Finding{Rule: &anomaly.PortReuse, ID: "5-port-reuse-1", Status: anomaly.Closed, Until: 1}
	c.Finding(&over)
	c.Connection(&tracker.Connection{Conn: 4, Evicted: true})
	if open, found, _ := at(&anomaly.CloseWaitStuck); open != [severities]int{} || found != 1 || len(c.findings.conns)+len(c.findings.serials)+len(c.findings.StuckOn) != 0 {
		t.Errorf("%v open, %d found, kept %v", open, found, c.findings)
	}
	if _, found, _ := at(&anomaly.PortReuse); found != 1 {
		t.Errorf("%d found that were over at once", found)
	}
}

// A look costs next to nothing where there is nothing to do, and no round follows another within a second.
func TestLookWaits(t *testing.T) {
	w := newNetwork()
	w.round(t)
	rounds, last := 0, w.latest.Load()
	for end := w.wall + 10e9; w.wall < end; w.wall += 1e6 {
		w.Census.Look(w.Tracker, still, w.wall)
		if r := w.latest.Load(); r != last {
			rounds, last = rounds+1, r
		}
	}
	if rounds < 9 || rounds > 10 {
		t.Errorf("%d rounds in 10 s", rounds)
	}
	if n := testing.AllocsPerRun(1000, func() { w.Census.Look(w.Tracker, still, w.wall) }); n > 0 {
		t.Errorf("%v allocations of a look that comes too early", n)
	}
}

// Scans do not make names: they come slowly once all places are taken, and a port that is far fuller gets one at once.
func TestPortNames(t *testing.T) {
	c := New(nil)
	publish := func(counts map[uint16]uint32, wall int64) []uint16 {
		r := newReport(nil)
		for port, n := range counts {
			r.Pairs[pairOf(port, tracker.Established, tracker.Established)] = n
		}
		r.Wall = wall
		c.latest.Store(r)
		_, ports := c.Latest()
		return ports
	}
	named, wall := map[uint16]bool{}, int64(1_700_000_000e9)
	for scan := range 1000 {
		counts := map[uint16]uint32{443: 100}
		for i := range 60 {
			counts[uint16(1000+scan*60+i)] = 1
		}
		ports := publish(counts, wall)
		if len(ports) != MaxPorts || !slices.IsSorted(ports) || !slices.Contains(ports, 443) {
			t.Fatalf("%v", ports)
		}
		for _, p := range ports {
			named[p] = true
		}
		wall += 1e9
	}
	if len(named) != MaxPorts {
		t.Errorf("a scan had %d ports named", len(named))
	}
	if ports := publish(map[uint16]uint32{8443: 40, 443: 100}, wall); !slices.Contains(ports, 8443) || len(ports) != MaxPorts {
		t.Errorf("%v", ports)
	}
	named = map[uint16]bool{}
	for i := range 600 { // somebody makes every port full in turn, within an hour
		for _, p := range publish(map[uint16]uint32{443: 100, uint16(2000 + i): 50}, wall) {
			named[p] = true
		}
		wall += 1e9
	}
	if len(named) > MaxPorts+renames {
		t.Errorf("%d ports named within an hour", len(named))
	}
}

// BenchmarkLook is what a look costs the tracker: 4096 of 100,000 connections.
func BenchmarkLook(b *testing.B) {
	w := newNetwork(here)
	for i := range 100_000 {
		w.open(tcp.Endpoint{Addr: tcp.Addr{Lo: 20<<24 + uint64(i)}, Port: 40000}, tcp.Endpoint{Addr: here, Port: uint16(i % 60000)}, 2+i%3)
	}
	for b.Loop() {
		w.wall += lookEvery + 1
		w.Census.Look(w.Tracker, still, w.wall)
	}
}
