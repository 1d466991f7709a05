package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// patience is how long a test waits for what should come at once, on a machine that is slow and busy with other tests.
const patience = 2 * time.Minute

// line is that of a connection, with states that go by its number.
func line(conn uint64) *tracker.Connection {
	c := &tracker.Connection{Conn: conn, Streams: []uint32{uint32(conn)}, Start: int64(conn) * 1e6, Last: int64(conn)*1e6 + 5e8, Now: int64(conn)*1e6 + 1e9, First: conn + 1, How: tracker.HowFIN}
	c.Client.Endpoint = tcp.Endpoint{Addr: tcp.Addr{Lo: 0xffff0a000000 + conn%65536}, Port: uint16(40000 + conn%20000)}
	c.Server.Endpoint = tcp.Endpoint{Addr: tcp.Addr{Lo: 0xffff0a010001}, Port: 443}
	c.Client.State, c.Server.State = tracker.State(1+conn%11), tracker.TimeWait
	c.Client.Possible, c.Server.Possible = tcp.Set(c.Client.State), tcp.Set(c.Server.State)
	c.Client.Bytes, c.Client.Packets = conn*7919%10007, conn%17
	return c
}

// finding is one on a connection.
func finding(conn uint64, status anomaly.Status) *anomaly.Finding {
	f := &anomaly.Finding{Rule: anomaly.Find("zero-window-stall"), ID: fmt.Sprintf("%d-zero-window-stall-1", conn), Status: status, Severity: anomaly.Warning, Evidence: []uint64{1}, Summary: "shut"}
	f.Conn, f.Client, f.Server = conn, line(conn).Client.Endpoint, line(conn).Server.Endpoint
	return f
}

// filled is a store with so many connections that have ended, all applied.
func filled(t testing.TB, rows, n int) *Store {
	s := NewStore(rows, true)
	t.Cleanup(s.Close)
	for i := range uint64(n) {
		if i%100 == 7 {
			s.Finding(finding(i, anomaly.Open))
		}
		s.Connection(line(i))
	}
	settle(t, s)
	return s
}

// settle waits until all that was put is applied.
func settle(t testing.TB, s *Store) {
	t.Helper()
	s.End(&output.Summary{Last: math.MaxInt64 / 4, Packets: 1}, Meters{}, 0)
}

// What is said to be read can be: a run that has ended is in the rows, however long that takes.
func TestEndIsApplied(t *testing.T) {
	s := NewStore(10, true)
	defer s.Close()
	s.rows.mu.RLock()
	s.Connection(line(3))
	ended := make(chan struct{})
	go func() {
		s.End(&output.Summary{}, Meters{}, 0)
		close(ended)
	}()
	select {
	case <-ended:
		t.Error("the end is told before its connection is in a row")
	case <-time.After(50 * time.Millisecond):
	}
	s.rows.mu.RUnlock()
	<-ended
	if total := len(s.byConn); total != 1 {
		t.Errorf("%d rows", total)
	}
}

// The rows are bounded: those go first that ended first and of which nothing was found, and it is counted.
func TestRowsBounded(t *testing.T) {
	s := filled(t, 1000, 5000)
	kept, ill := 0, 0
	s.Each(func(r *Row) {
		kept++
		if len(r.Findings) > 0 {
			ill++
		} else if r.Conn.Conn < 4000 {
			t.Errorf("connection %d is kept, of which nothing was found", r.Conn.Conn)
		}
	})
	_, lost := s.Status()
	if kept != 1000 || ill != 50 || lost.Rows != 4000 {
		t.Errorf("%d rows, %d with findings, %d forgotten", kept, ill, lost.Rows)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.moves) > 1000 || len(s.findings) != 50 || s.healthy.len()+s.ill.len() != 1000 {
		t.Errorf("%d histories, %d findings, %d and %d in order", len(s.moves), len(s.findings), s.healthy.len(), s.ill.len())
	}
}

// Findings are bounded: those that are over go first.
func TestFindingsBounded(t *testing.T) {
	s := NewStore(10, true)
	t.Cleanup(s.Close)
	for i := range uint64(maxFindings + 100) {
		status := anomaly.Open
		if i%2 == 1 {
			status = anomaly.Closed
		}
		s.Finding(finding(i, status))
	}
	settle(t, s)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.findings) != maxFindings || s.lost.Findings != 100 || s.findings["0-zero-window-stall-1"] == nil || s.findings["1-zero-window-stall-1"] != nil {
		t.Errorf("%d findings, %d lost", len(s.findings), s.lost.Findings)
	}
}

// Where all findings are open each new one takes the place of an old one, without a look at all the others.
func TestOpenFindingsBounded(t *testing.T) {
	s := NewStore(10, true)
	t.Cleanup(s.Close)
	const more = 20_000 // with a look at all of them it would take minutes
	began := time.Now()
	for i := range uint64(maxFindings + more) {
		s.Finding(finding(i, anomaly.Open))
	}
	settle(t, s)
	if took := time.Since(began); took > patience {
		t.Errorf("it took %v", took)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.findings) != maxFindings || s.inOrder.len() != maxFindings || len(s.byCase) != maxFindings || s.lost.Findings != more {
		t.Errorf("%d findings, %d in order, of %d connections, %d lost", len(s.findings), s.inOrder.len(), len(s.byCase), s.lost.Findings)
	}
}

// The moves of a connection are bounded: the first stay, and the latest.
func TestMovesBounded(t *testing.T) {
	s := NewStore(10, true)
	t.Cleanup(s.Close)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range uint64(100) {
		s.take(&inbox{order: []kind{moved}, moves: []tracker.Transition{{Conn: 3, Packet: i}}})
	}
	h := s.moves[3]
	if len(h.moves) != maxMoves || h.omitted != 100-maxMoves || h.moves[firstMoves-1].packet != firstMoves-1 || h.moves[maxMoves-1].packet != 99 {
		t.Errorf("%d moves, %d left out: %+v", len(h.moves), h.omitted, h.moves)
	}
}

// Live, who tracks never waits, even if somebody holds the rows: what comes meanwhile and has no room is counted.
func TestNeverWaits(t *testing.T) {
	s := NewStore(10, false)
	t.Cleanup(s.Close)
	s.mu.RLock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range uint64(20 * maxInbox) {
			s.Connection(line(i))
		}
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("it waits for a reader")
	}
	s.mu.RUnlock()
	settle(t, s)
	if _, lost := s.Status(); lost.Events < 10*maxInbox {
		t.Errorf("%d events lost", lost.Events)
	}
}

// A stream that nobody reads holds nothing up, and is cut off.
func TestSlowStream(t *testing.T) {
	s := NewStore(100, false)
	t.Cleanup(s.Close)
	now := time.Now
	network, _ := NewServers(Config{Store: s, Now: now})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go network.Serve(Bounded(l))
	t.Cleanup(func() { network.Close() })
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.(*net.TCPConn).SetReadBuffer(4 << 10)
	fmt.Fprintf(c, "GET /api/v1/events?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
	if first, err := bufio.NewReaderSize(c, 16).ReadString('\n'); err != nil || !strings.Contains(first, "200") {
		t.Fatal(first, err)
	}
	began := time.Now()
	for i := range uint64(100_000) {
		s.Connection(line(i))
		if i%1000 == 0 {
			s.Flush()
		}
	}
	if took := time.Since(began); took > patience {
		t.Errorf("100,000 connections took %v beside a reader that does not read", took)
	}
	settle(t, s)
	s.ring.mu.Lock()
	kept, octets := len(s.ring.events)-s.ring.from, s.ring.bytes
	s.ring.mu.Unlock()
	if kept > maxEvents || octets > maxEventBytes {
		t.Errorf("the ring holds %d events, %d octets", kept, octets)
	}
}

// A stream resumes behind the event that was last seen, and says what is gone.
func TestResume(t *testing.T) {
	s := NewStore(100, true)
	t.Cleanup(s.Close)
	h, _ := begin(t, Config{Store: s, Now: time.Now})
	for i := range uint64(10) {
		s.Connection(line(i))
	}
	settle(t, s)
	read := func(last string, events int) (ids []string, lost []string) {
		t.Helper()
		ctx, stop := context.WithTimeout(t.Context(), patience)
		defer stop()
		r := httptest.NewRequest("GET", "/api/v1/events", nil).WithContext(ctx)
		r.Host = "localhost"
		r.Header.Set("Last-Event-ID", last)
		w := httptest.NewRecorder()
		h.ServeHTTP(&counting{deadlines{w}, events, stop}, r)
		if w.Code != 200 {
			t.Fatal(w.Code, w.Body)
		}
		event := ""
		for text := range strings.Lines(w.Body.String()) {
			key, value, _ := strings.Cut(strings.TrimSpace(text), ": ")
			switch {
			case key == "id":
				ids = append(ids, value)
			case key == "event":
				event = value
			case key == "data" && event == "lost":
				lost = append(lost, value)
			case key == "data" && !json.Valid([]byte(value)):
				t.Errorf("no JSON: %s", value)
			}
		}
		return ids, lost
	}
	all, lost := read("0", 10)
	if len(all) != 10 || len(lost) != 0 {
		t.Fatal(all, lost)
	}
	if rest, lost := read(all[6], 3); len(rest) != 3 || rest[0] != all[7] || len(lost) != 0 {
		t.Errorf("behind %s: %v, lost %v", all[6], rest, lost)
	}
	if rest, lost := read("another-3", 10); len(rest) != 10 || len(lost) != 1 || !strings.Contains(lost[0], "null") {
		t.Errorf("of another run: %v, lost %v", rest, lost)
	}
	for i := range uint64(maxEvents + 5) {
		s.Connection(line(100 + i))
	}
	settle(t, s)
	s.ring.mu.Lock()
	first := s.ring.events[s.ring.from].id
	s.ring.mu.Unlock()
	if rest, lost := read(all[6], 1); len(lost) != 1 || lost[0] != fmt.Sprintf(`{"event":"lost","events":%d}`, first-8) || !strings.HasSuffix(rest[0], fmt.Sprintf("-%d", first)) {
		t.Errorf("behind the seventh, the %dth being the first that is kept: lost %v, then %v", first, lost, rest[0])
	}
}

// counting ends a stream soon after so many events.
type counting struct {
	deadlines
	events int
	stop   func()
}

func (c *counting) Flush() {
	if c.deadlines.Flush(); c.events > 0 && strings.Count(c.Body.String(), "id: ") >= c.events {
		c.events = 0
		time.AfterFunc(100*time.Millisecond, c.stop)
	}
}

// deadlines takes the deadlines that a recorder does not know.
type deadlines struct{ *httptest.ResponseRecorder }

func (deadlines) SetWriteDeadline(time.Time) error { return nil }
func (deadlines) SetReadDeadline(time.Time) error  { return nil }

// A stream outlives the time that a request may take to come.
func TestStreamLasts(t *testing.T) {
	s := NewStore(100, true)
	t.Cleanup(s.Close)
	network, _ := NewServers(Config{Store: s, Now: time.Now})
	network.ReadTimeout, network.WriteTimeout = time.Second, time.Second
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go network.Serve(l)
	t.Cleanup(func() { network.Close() })
	r, err := http.Get("http://" + l.Addr().String() + "/api/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	time.Sleep(2500 * time.Millisecond)
	s.Connection(line(5))
	s.Flush()
	for sc := bufio.NewScanner(r.Body); sc.Scan(); {
		if strings.Contains(sc.Text(), `"conn":5`) {
			return
		}
	}
	t.Error("the stream has ended")
}

// Streams are bounded.
func TestStreamsBounded(t *testing.T) {
	s := NewStore(10, true)
	t.Cleanup(s.Close)
	h, _ := begin(t, Config{Store: s, Now: time.Now})
	ctx, stop := context.WithCancel(t.Context())
	open := make(chan struct{}, maxStreams)
	ended := make(chan struct{}, maxStreams)
	for range maxStreams {
		go func() {
			r := httptest.NewRequest("GET", "/api/v1/events", nil).WithContext(ctx)
			r.Host = "localhost"
			h.ServeHTTP(opening{deadlines{httptest.NewRecorder()}, open}, r)
			ended <- struct{}{}
		}()
	}
	for range maxStreams {
		<-open
	}
	if w := ask(h, "GET", "/api/v1/events", ""); w.Code != 503 {
		t.Errorf("one more: %d", w.Code)
	}
	stop()
	for range maxStreams {
		<-ended
	}
}

// opening tells when an answer begins.
type opening struct {
	deadlines
	open chan struct{}
}

func (o opening) WriteHeader(code int) {
	o.deadlines.WriteHeader(code)
	o.open <- struct{}{}
}

// Who holds on to many connections does not keep others out for ever, and there are never more than the bound.
func TestBounded(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Bounded(inner)
	defer l.Close()
	taken := make(chan net.Conn, 2*maxConnections)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			taken <- c
		}
	}()
	var mine []net.Conn
	for range maxConnections + 20 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		mine = append(mine, c)
	}
	last := mine[len(mine)-1]
	last.SetReadDeadline(time.Now().Add(patience))
	if _, err := last.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the last was not closed: %v", err)
	}
	if n := len(taken); n != maxConnections {
		t.Errorf("%d connections were taken", n)
	}
	c := <-taken
	c.Close()
	c.Close()
	if _, err := net.Dial("tcp", inner.Addr().String()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); len(taken) < maxConnections && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if n := len(taken); n != maxConnections {
		t.Errorf("after one has gone, %d", n)
	}
}

// What lives is shown as it is by now.
func TestAge(t *testing.T) {
	c := line(1)
	c.Client.ShutSince, c.Client.ShutTotal, c.Blamed, c.Life = 5, 100, true, 1000
	c.Now = 2000
	age(c, 2500)
	if c.Now != 2500 || c.Client.ShutTotal != 600 || c.Server.ShutTotal != 0 || c.Life != 1500 {
		t.Errorf("%+v", c)
	}
	age(c, 2400)
	if c.Now != 2500 {
		t.Error("it grew younger")
	}
}

// How much memory a connection takes, and how long lists of 100,000 take.
func BenchmarkStore(b *testing.B) {
	const n = 100_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := filled(b, 2*n, n)
	runtime.GC()
	runtime.ReadMemStats(&after)
	perRow := float64(after.HeapAlloc-before.HeapAlloc) / n
	var h http.Handler
	for _, path := range []string{"connections", "connections?sort=-bytes", "connections?q=port:443+state:established&limit=1000", "states", "timeline"} {
		b.Run(path, func(b *testing.B) {
			network, _ := NewServers(Config{Store: s, Now: time.Now})
			h = network.Handler
			for b.Loop() {
				sv := ask(h, "GET", "/api/v1/"+path, "")
				if sv.Code != 200 {
					b.Fatal(sv.Body)
				}
				network, _ = NewServers(Config{Store: s, Now: time.Now}) // which remembers no list
				h = network.Handler
			}
			b.ReportMetric(perRow, "B/row")
		})
	}
}
