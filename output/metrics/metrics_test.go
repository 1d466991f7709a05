package metrics

import (
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output/census"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// traffic opens connections in a tracker that a census looks at.
type traffic struct {
	tracker *tracker.Tracker
	census  *census.Census
	n       uint64
	wall    int64
}

func newTraffic() *traffic {
	w := &traffic{census: census.New(nil), wall: 1_700_000_000e9}
	w.tracker = tracker.New(tracker.Config{Sink: w.census, Connections: true, Seed: 1})
	return w
}

func (w *traffic) send(from, to tcp.Endpoint, flags tcp.Flags, seq, ack tcp.Seq) {
	w.n++
	s := tcp.Segment{Time: int64(w.n) * 1e3, Number: w.n, Flags: flags, Seq: seq, Ack: ack, Window: 60000, IPLen: 40, TTL: 60}
	s.Flow, s.Dir = tcp.MakeFlow(from.Addr, to.Addr, from.Port, to.Port, false)
	w.tracker.Observe([]tcp.Segment{s})
}

// connect leaves a connection half open, answered, established, or half closed, by i.
func (w *traffic) connect(i int, client uint64, port uint16) {
	c, s := tcp.Endpoint{Addr: tcp.Addr{Lo: 20<<24 + client}, Port: uint16(1024 + i%60000)}, tcp.Endpoint{Addr: tcp.Addr{Lo: 1}, Port: port}
	w.send(c, s, tcp.SYN, 99, 0)
	if i%4 > 0 {
		w.send(s, c, tcp.SYN|tcp.ACK, 299, 100)
	}
	if i%4 > 1 {
		w.send(c, s, tcp.ACK, 100, 300)
	}
	if i%4 > 2 {
		w.send(s, c, tcp.FIN|tcp.ACK, 300, 100)
	}
}

func (w *traffic) meters() census.Meters {
	return census.Meters{Packets: w.n + 3, Skipped: []census.Skipped{{Reason: "not-ip", Packets: 3}}}
}

// look looks until at least two more rounds have ended.
func (w *traffic) look(t *testing.T) {
	t.Helper()
	for rounds := 0; rounds < 2; {
		before, _ := w.census.Latest()
		w.wall += 50e6
		w.census.Look(w.tracker, w.meters, w.wall)
		if after, _ := w.census.Latest(); after != before {
			rounds++
		}
	}
}

// scrape returns the lines of /metrics that begin with prefix.
func scrape(t *testing.T, c *Collector, prefix string) (lines []string) {
	t.Helper()
	r := prometheus.NewPedanticRegistry() // which says when a metric is not as described
	if err := r.Register(c); err != nil {
		t.Fatal(err)
	}
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			line := f.GetName() + "{" + strings.Join(labels, ",") + "}"
			switch {
			case m.Counter != nil:
				line += fmt.Sprint(" ", m.Counter.GetValue())
			case m.Gauge != nil:
				line += fmt.Sprint(" ", m.Gauge.GetValue())
			case m.Histogram != nil:
				line += fmt.Sprintf(" %d of %d buckets", m.Histogram.GetSampleCount(), len(m.Histogram.Bucket))
			}
			if strings.HasPrefix(line, prefix) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// A hundred thousand clients on sixty thousand ports have as many series as a hundred on sixty, and all are counted.
func TestSeriesDoNotGrow(t *testing.T) {
	few, many := newTraffic(), newTraffic()
	for i := range 4 * 60 {
		few.connect(i, uint64(i%100), uint16(1+i/4))
	}
	const flows, ports = 240_000, 60_000
	for i := range flows {
		many.connect(i, uint64(i%100_000), uint16(1+i/4%ports))
	}
	few.look(t)
	many.look(t)
	if r, _ := many.census.Latest(); r.Tracker.Live != flows {
		t.Fatalf("%d live", r.Tracker.Live)
	}
	a, b := NewCollector(few.census, "", ""), NewCollector(many.census, "", "")
	want, got := scrape(t, a, ""), scrape(t, b, "")
	if len(want) != len(got) || len(scrape(t, b, "tcptrack_connections{")) != 4*(census.MaxPorts+1) {
		t.Errorf("%d series of few, %d of many; of connections %d", len(want), len(got), len(scrape(t, b, "tcptrack_connections{")))
	}
	sum := 0.0
	for _, line := range scrape(t, b, "tcptrack_connections{") {
		var n float64
		fmt.Sscan(line[strings.LastIndex(line, " "):], &n)
		sum += n
	}
	if sum != flows {
		t.Errorf("%v connections of %d", sum, flows)
	}
	if text := strings.Join(got, "\n"); strings.Contains(text, "20.0") || !strings.Contains(text, `server_port="other"`) {
		t.Error("an address is a label, or other is none")
	}
}

// What was there once stays with 0, so that graphs have no holes.
func TestSeriesStay(t *testing.T) {
	w := newTraffic()
	c := NewCollector(w.census, "", "")
	w.connect(3, 1, 80)
	w.look(t)
	before := scrape(t, c, "tcptrack_connections{")
	w.tracker.Advance(int64(w.n)*1e3 + 1000*3600e9)
	client, server := tcp.Endpoint{Addr: tcp.Addr{Lo: 20<<24 + 1}, Port: 1027}, tcp.Endpoint{Addr: tcp.Addr{Lo: 1}, Port: 80}
	w.send(client, server, tcp.FIN|tcp.ACK, 100, 301)
	w.send(server, client, tcp.ACK, 301, 101)
	w.look(t)
	after := scrape(t, c, "tcptrack_connections{")
	gone := `tcptrack_connections{client_state="CLOSE_WAIT",server_port="80",server_state="FIN_WAIT1"} `
	if !slices.Equal(before, []string{gone + "1"}) || len(after) != 2 || !slices.Contains(after, gone+"0") {
		t.Errorf("%v, then %v", before, after)
	}
}

// Each metric that is described is sent, as its kind, and nothing else is.
func TestDescriptors(t *testing.T) {
	w := newTraffic()
	w.connect(2, 1, 80)
	w.look(t)
	kinds := map[string]string{}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(NewCollector(w.census, "1.2", "afpacket"))
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		kinds[f.GetName()] = strings.ToLower(f.GetType().String())
	}
	want := map[string]string{}
	for _, d := range Descriptors() {
		want[d.Name] = d.Kind
	}
	if !maps.Equal(kinds, want) {
		t.Errorf("sent %v, described %v", kinds, want)
	}
	problems, err := testutil.GatherAndLint(r)
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
}

// What was found stands under its code and severity.
func TestFindings(t *testing.T) {
	w := newTraffic()
	f := anomaly.Finding{Rule: &anomaly.ZeroWindow, ID: "0-zero-window-stall-1", Severity: anomaly.Critical}
	f.Server.Port = 443
	w.connect(2, 1, 443)
	w.census.Finding(&f)
	w.look(t)
	c := NewCollector(w.census, "", "")
	for _, want := range []string{
		`tcptrack_findings_open{code="zero-window-stall",severity="critical"} 1`,
		fmt.Sprintf(`tcptrack_findings_total{code="zero-window-stall",severity="%s"} 1`, anomaly.ZeroWindow.Severity),
		`tcptrack_stuck_connections{server_port="443"} 1`,
		`tcptrack_stuck_connections{server_port="other"} 0`,
		`tcptrack_packets_total{verdict="not-ip"} 3`,
		`tcptrack_packets_total{verdict="followed"} 3`,
		`tcptrack_connections{client_state="ESTABLISHED",server_port="443",server_state="ESTABLISHED"} 1`,
		`tcptrack_connection_duration_seconds{} 0 of 14 buckets`,
	} {
		if !slices.Contains(scrape(t, c, ""), want) {
			t.Errorf("no %s in\n%s", want, strings.Join(scrape(t, c, want[:20]), "\n"))
		}
	}
	if infos := scrape(t, c, "tcptrack_finding_info{"); len(infos) != len(anomaly.Rules) {
		t.Errorf("%d manuals of %d rules", len(infos), len(anomaly.Rules))
	}
}

// The page that Prometheus reads has the metrics with their help, and those of the process.
func TestHandler(t *testing.T) {
	w := newTraffic()
	w.connect(2, 1, 443)
	w.look(t)
	answer := httptest.NewRecorder()
	Handler(w.census, "1.2", "afpacket").ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	text, _ := io.ReadAll(answer.Result().Body)
	for _, want := range []string{
		`(?m)^# HELP tcptrack_connections Connections that live`, `(?m)^# TYPE tcptrack_round_trip_seconds histogram$`,
		`(?m)^tcptrack_build_info\{backend="afpacket",goversion="go[^"]+",version="1.2"\} 1$`, `(?m)^go_goroutines \d`,
		`(?m)^tcptrack_connection_duration_seconds_bucket\{le="\+Inf"\} 0$`,
	} {
		if !regexp.MustCompile(want).Match(text) {
			t.Errorf("no %s in\n%.2000s", want, text)
		}
	}
}

// BenchmarkScrape reads a census of 240,000 connections on 60,000 ports.
func BenchmarkScrape(b *testing.B) {
	w := newTraffic()
	for i := range 240_000 {
		w.connect(i, uint64(i), uint16(1+i/4%60_000))
	}
	for range 1000 {
		w.wall += 50e6
		w.census.Look(w.tracker, w.meters, w.wall)
	}
	h := Handler(w.census, "", "")
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil))
	}
}
