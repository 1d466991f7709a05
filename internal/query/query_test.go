package query

import (
	"net/netip"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

func end(at string) tracker.End {
	return tracker.End{Endpoint: tcp.EndpointFrom(netip.MustParseAddrPort(at))}
}

// start is 2026-11-22T06:43:29.785145123Z.
const start = 1795329809_785145123

// hang is a server stuck behind a client's shut window.
func hang() Subject {
	c := &tracker.Connection{
		Conn: 17, Streams: []uint32{3, 5}, Start: start, Last: start + 312e9, Now: start + 352e9, VLAN: [2]uint16{12, 0},
		Client: end("10.0.3.7:51422"), Server: end("10.0.1.9:443"), How: tracker.HowOpen, Blamed: true, Life: 352e9,
	}
	c.Client.State, c.Client.Basis, c.Client.Possible = tracker.Established, tracker.Proven, tcp.Set(tracker.Established)
	c.Server.State, c.Server.Possible = tracker.FinWait1, tcp.Set(tracker.FinWait1, tracker.Closed)
	c.Client.ShutSince, c.Client.ShutTotal = start+40e9, 312e9
	c.Client.Packets, c.Server.Packets = 40, 60
	c.Client.Bytes, c.Server.Bytes = 2000, 20000
	c.Server.Retransmissions, c.Server.Probes = 6, 11
	c.Server.Analysis[tracker.WindowFull] = 3
	c.Server.Acked, c.Server.UnackedBytes = true, 512
	c.Client.RTT = tracker.RTT{N: 3, Min: 1e6, Mean: 2e6, Max: 9e6}
	c.Server.RTT = tracker.RTT{N: 9, Min: 20e6, Mean: 30e6, Max: 900e6}
	c.Server.Blame = tracker.Blame{tracker.BlameFlowing: 40e9, tracker.BlameWindowShut: 312e9}
	return Subject{Conn: c, Found: []Found{
		{ID: "1", Rule: anomaly.Find("zero-window-stall"), Severity: anomaly.Warning, Culprit: anomaly.ClientApp, Hidden: tracker.HiddenConfirmed},
		{ID: "2", Rule: anomaly.Find("capture-loss"), Severity: anomaly.Info, Culprit: anomaly.Capture},
	}}
}

// reset is an IPv6 connection that was refused, with nothing found and no round trip.
func reset() Subject {
	c := &tracker.Connection{
		Conn: 2, Streams: []uint32{0}, Start: start - 86400e9, Last: start - 86400e9, Now: start - 86398e9, Client: end("[fe80::1]:40000"), Server: end("[fe80::2]:22"),
		How: tracker.HowRefused, Closed: true, ClosedBy: tracker.Server, Evicted: true,
	}
	for _, e := range []*tracker.End{&c.Client, &c.Server} {
		e.State, e.Basis, e.Possible = tracker.Closed, tracker.Proven, tcp.Set(tracker.Closed)
	}
	return Subject{Conn: c}
}

// Each selection with what it means of hang and of reset.
var meanings = []struct {
	text  string
	a, b  bool
	story string
}{
	{"", true, true, "nothing asked, all meant"},
	{"  ", true, true, ""},
	{"port:443", true, false, "either end"},
	{"port:443,22", true, true, "several values"},
	{"port:(443 or 22)", true, true, ""},
	{"port:( 443 , 80 )", true, false, ""},
	{"port:1..442", false, true, "a range"},
	{"port:..22", false, true, "open below"},
	{"port:50000..", true, false, "open above"},
	{"client.port:443", false, false, ""},
	{"port=443", true, false, "as written elsewhere"},
	{"port == 443", true, false, ""},
	{"port != 443", false, true, ""},
	{"port!=443", false, true, ""},
	{"PORT:443 AND NOT port:22", true, false, "case does not matter"},
	{"state:fin_wait1", true, false, ""},
	{"state:FIN-WAIT-1", true, false, ""},
	{"state:finwait1", true, false, ""},
	{"state:fin*", true, false, ""},
	{`state:"fin wait 1"`, true, false, ""},
	{"state:estab,close", true, true, ""},
	{"client.state:fin_wait1", false, false, ""},
	{"server.state:fin_wait1", true, false, ""},
	{"server.possible:closed", true, true, ""},
	{"client.possible:closed", false, true, ""},
	{"basis:presumed", true, false, ""},
	{"not basis:presumed", false, true, ""},
	{"ip:10.0.1.9", true, false, ""},
	{"ip:10.0.1.9:443", true, false, "an address with its port"},
	{"server:10.0.1.9:444", false, false, ""},
	{"client:10.0.3.0/24", true, false, ""},
	{"server:10.0.3.0/24", false, false, ""},
	{"client.ip:fe80::/64", false, true, ""},
	{"server:[fe80::2]:22", false, true, ""},
	{"fe80::2", false, true, "an address alone"},
	{"[fe80::2]:22", false, true, ""},
	{"10.0.0.0/8", true, false, ""},
	{"ip:0.0.0.0/0", true, false, ""},
	{"ip!=10.0.1.9", false, true, ""},
	{"vlan:12", true, false, ""},
	{"finding:zero-window-stall", true, false, ""},
	{"finding:zero_window_*", true, false, ""},
	{"finding:*", true, false, ""},
	{"not finding:*", false, true, ""},
	{"finding:none", false, true, ""},
	{"anomaly:capture-loss", true, false, "another name"},
	{"zero-window-stall", true, false, "a code alone"},
	{"warning", true, false, "a severity alone"},
	{"critical", false, false, ""},
	{"severity:>=notice", true, false, ""},
	{"severity:>warning", false, false, ""},
	{"severity:<notice", true, false, ""},
	{"severity:<=info", true, false, ""},
	{"culprit:client-app", true, false, ""},
	{"culprit:server*", false, false, ""},
	{"hidden_close:likely,confirmed", true, false, ""},
	{"hidden_close:excluded", false, false, ""},
	{"closed_by:none", true, false, ""},
	{"closed_by:server", false, true, ""},
	{"how:refused", false, true, ""},
	{"how:open", true, false, ""},
	{"packets:100", true, false, "both together"},
	{"packets:>=0.1k", true, false, ""},
	{"client.packets:<50", true, true, ""},
	{"bytes:>20KiB", true, false, ""},
	{"bytes:>22kB", false, false, ""},
	{"bytes:22k", true, false, "to the digit"},
	{"unacked_bytes:512", true, false, ""},
	{"client.unacked_bytes:0", false, false, "not known"},
	{"not client.unacked_bytes:0", true, true, ""},
	{"retransmissions:>=3", true, false, ""},
	{"rtx >= 7", false, false, ""},
	{"server.retransmitted:10%", true, false, ""},
	{"retransmitted:>5%", true, false, ""},
	{"retransmitted:>10.1%", false, false, ""},
	{"zero_window:>=60s", true, false, ""},
	{"zero_window.duration:>5m", true, false, ""},
	{"zero-window:5m..6m", true, false, ""},
	{"server.zero_window:>0", false, false, ""},
	{"shut", true, false, "yes or no alone"},
	{"client.shut:no", false, true, ""},
	{"probes:>10 server.probes:11", true, false, ""},
	{"rtt:32ms", true, false, "the two ways together"},
	{"server.rtt:>=30ms", true, false, ""},
	{"rtt.max:<1s", true, false, ""},
	{"rtt:<1h", true, false, "not known"},
	{"idle:>30s", true, false, ""},
	{"idle:40s", true, false, ""},
	{"idle:<=2s", false, true, ""},
	{"duration:>5m", true, false, ""},
	{"duration:5m12s", true, false, ""},
	{"life:352s", true, true && false, ""},
	{"blame.window_shut:>60%", true, false, ""},
	{"analysis.window_full:3", true, false, ""},
	{"server.tcp.analysis.window_full:>3", false, false, ""},
	{"blame.window_shut:>5m", true, false, ""},
	{"blame.window_shut:>90%", false, false, ""},
	{"client.blame.window_shut:>1s", false, false, ""},
	{"start:2026-11-22", true, false, "a day"},
	{"start:2026-11-22T06:43", true, false, ""},
	{"start:2026-11-22T06:43:29.78", true, false, ""},
	{"start:2026-11-22T06:43:29.79", false, false, ""},
	{"start:>2026-11-21", true, false, "after that day"},
	{"start:>=2026-11-21", true, true, ""},
	{"start:<=2026-11-21", false, true, ""},
	{"start:2026-11-21..2026-11-22", true, true, ""},
	{"start:2026-11-22T07:43:29+01:00", true, false, ""},
	{`start:<"2026-11-22 06:00"`, false, true, ""},
	{"conn:17", true, false, ""},
	{"stream:5", true, false, ""},
	{"tcp.stream:0", false, true, ""},
	{"evicted", false, true, ""},
	{"evicted:false", true, false, ""},
	{"lossy", false, false, ""},
	{"not evicted", true, false, ""},
	{"evicted !port:22", false, false, ""},
	{"port:443 or port:22 state:fin_wait1", true, false, "and binds closer"},
	{"(port:443 or port:22) state:closed", false, true, ""},
	{"not (port:443 or port:80)", false, true, ""},
	{"!(port:443)", false, true, ""},
	{"not not port:443", true, false, ""},
	{"port:443 && state:fin_wait1 || how:refused", true, true, ""},
}

func TestMeanings(t *testing.T) {
	a, b := hang(), reset()
	for _, m := range meanings {
		q, err := Parse(m.text)
		if err != nil {
			t.Errorf("%s: %v", m.text, err)
			continue
		}
		if q.Match(&a) != m.a || q.Match(&b) != m.b {
			t.Errorf("%s: %v of the hang, %v of the refused; want %v, %v", m.text, q.Match(&a), q.Match(&b), m.a, m.b)
		}
		if q.String() != m.text {
			t.Errorf("%q comes back as %q", m.text, q.String())
		}
		if n := testing.AllocsPerRun(10, func() { q.Match(&a); q.Match(&b) }); n != 0 {
			t.Errorf("%s: %v allocations", m.text, n)
		}
	}
}

func TestCommunityID(t *testing.T) {
	s := Subject{Conn: &tracker.Connection{Client: end("128.232.110.120:34855"), Server: end("66.35.250.204:80")}}
	for text, want := range map[string]bool{"community_id:1:LQU9qZlK+B5F3KDmev6m5PMibrg=": true, "community_id:1:LQU*": true, "community_id:1:X*": false} {
		if q, err := Parse(text); err != nil || q.Match(&s) != want {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

// A finding about a population is meant by what it names.
func TestCrowds(t *testing.T) {
	f := &anomaly.Finding{Rule: anomaly.Find("syn-flood"), Severity: anomaly.Critical, Culprit: anomaly.Attacker, Population: true}
	f.Server = tcp.EndpointFrom(netip.MustParseAddrPort("10.0.0.1:443"))
	for text, want := range map[string]bool{
		"": true, "port:443": true, "port:0": false, "port:22": false, "finding:syn-flood": true, "critical": true, "client:0.0.0.0/0": false, "ip:10.0.0.0/8": true, "finding:none": false,
		"state:closed": false, "not state:closed": false, "port:443 or idle:>3s": false, "not port:22": true,
	} {
		q, err := Parse(text)
		if err != nil || q.MatchFinding(f) != want {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

func TestFindings(t *testing.T) {
	var x Findings
	f := &anomaly.Finding{Rule: anomaly.Find("zero-window-stall"), ID: "7-z-1", Severity: anomaly.Notice}
	f.Conn = 7
	c := &tracker.Connection{Conn: 7}
	is := func(text string, want bool) {
		t.Helper()
		q, err := Parse(text)
		if s := x.Subject(c); err != nil || q.Match(&s) != want {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	x.Take(f)
	is("severity:notice", true)
	f.Severity = anomaly.Critical
	x.Take(f)
	is("severity:notice", false)
	is("severity:critical", true)
	f.Status = anomaly.Withdrawn
	x.Take(f)
	is("finding:none", true)
	x.Forget(7)
	c.Findings = []string{"zero-window-stall"}
	is("severity:notice finding:zero-window-stall", true)
}

func BenchmarkMatch(b *testing.B) {
	s := hang()
	q, err := Parse("port:443 state:fin_wait1 not client:10.0.4.0/24 (finding:zero-window-* or idle:>30s)")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		q.Match(&s)
	}
}
