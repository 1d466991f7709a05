package web

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// page is what a list answers.
type page struct {
	Total, Matched, Offset int
	View, Next             string
	Connections            []struct {
		Conn      uint64
		Living    bool
		Severity  string
		Findings  []string
		Forgotten bool
		Client    struct{ Bytes uint64 }
	}
	Error struct {
		What, Next, Caret string
		Column, Length    int
	}
}

// fetch asks for a list.
func fetch(t *testing.T, a asked, path string) (code int, p page) {
	t.Helper()
	code, text := a.page(path)
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatalf("%s: %v: %s", path, err, text)
	}
	return code, p
}

// asked is a server under test.
type asked struct {
	t *testing.T
	s *Store
}

func (a asked) page(path string) (int, []byte) {
	h, _ := begin(a.t, Config{Store: a.s, Now: time.Now})
	w := ask(h, "GET", "/api/v1/"+path, "")
	return w.Code, w.Body.Bytes()
}

// A list goes on where it stopped, in one order, and holds each connection once, though others come meanwhile.
func TestPaging(t *testing.T) {
	s := filled(t, 5000, 2500)
	h, _ := begin(t, Config{Store: s, Now: time.Now})
	get := func(path string) (p page) {
		t.Helper()
		w := ask(h, "GET", "/api/v1/"+path, "")
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %v %s", path, w.Code, err, w.Body)
		}
		return p
	}
	seen := map[uint64]bool{}
	last := uint64(1 << 62)
	p := get("connections?sort=-bytes&limit=999")
	for n := 0; ; n++ {
		for _, c := range p.Connections {
			if seen[c.Conn] || c.Client.Bytes > last {
				t.Fatalf("connection %d, %d octets behind %d", c.Conn, c.Client.Bytes, last)
			}
			seen[c.Conn], last = true, c.Client.Bytes
		}
		if p.Next == "" {
			break
		}
		s.Connection(line(uint64(3000 + n)))
		settle(t, s)
		p = get("connections?limit=999&cursor=" + p.Next)
	}
	if len(seen) != 2500 {
		t.Errorf("%d connections", len(seen))
	}
	if w := ask(h, "GET", "/api/v1/connections?cursor=zzz.5", ""); w.Code != 410 {
		t.Errorf("a list that is gone: %d", w.Code)
	}
	for _, bad := range []string{"connections?limit=x", "connections?offset=-1", "connections?sort=nonsense", "connections?cursor=5", "findings?status=odd", "events?events=odd", "states?q=odd:1"} {
		if w := ask(h, "GET", "/api/v1/"+bad, ""); w.Code != 400 || !strings.Contains(w.Body.String(), `"next"`) {
			t.Errorf("%s: %d %s", bad, w.Code, w.Body)
		}
	}
}

// Every order sorts, both ways round, and the worst come first.
func TestOrders(t *testing.T) {
	s := filled(t, 1000, 300)
	for _, o := range orders {
		by, down, ok := parseOrder(o.name)
		back, up, ok2 := parseOrder("-" + o.name)
		if !ok || !ok2 || down || !up {
			t.Fatal(o.name)
		}
		one, other := s.list(nil, by, down), s.list(nil, back, up)
		slices.Reverse(other)
		if len(one) != 300 || !slices.Equal(one, other) {
			t.Errorf("%s is not its own reverse", o.name)
		}
	}
	by, _, _ := parseOrder("")
	if list := s.list(nil, by, false); !slices.Equal(list[:3], []uint64{7, 107, 207}) {
		t.Errorf("the worst are %v", list[:5])
	}
}

// A selection means what it means everywhere, of findings too; what is wrong with one has its column.
func TestSelection(t *testing.T) {
	s := filled(t, 1000, 300)
	a := asked{t, s}
	if _, p := fetch(t, a, "connections?q="+url.QueryEscape("finding:zero-window-stall")); p.Matched != 3 || p.Total != 300 || p.Connections[0].Severity != "warning" || len(p.Connections[0].Findings) != 1 {
		t.Errorf("%+v", p)
	}
	if _, p := fetch(t, a, "findings?q="+url.QueryEscape("conn:107")); p.Matched != 1 {
		t.Errorf("%+v", p)
	}
	if _, p := fetch(t, a, "findings?status=closed"); p.Matched != 0 {
		t.Errorf("%+v", p)
	}
	code, p := fetch(t, a, "connections?q="+url.QueryEscape("port:443 stat:x"))
	if code != 400 || p.Error.Column != 10 || p.Error.Length != 4 || !strings.HasSuffix(p.Error.Caret, "^^^^") {
		t.Errorf("%d %+v", code, p.Error)
	}
	var states struct{ Cells []cell }
	_, text := a.page("states?q=" + url.QueryEscape("not finding:none"))
	if err := json.Unmarshal(text, &states); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, c := range states.Cells {
		if sum += c.Connections; c.Found != c.Connections || c.Living != 0 {
			t.Errorf("%+v", c)
		}
	}
	if sum != 3 {
		t.Errorf("%d connections of which something was found", sum)
	}
}

// A finding that is withdrawn is found no more.
func TestWithdrawn(t *testing.T) {
	s := filled(t, 1000, 300)
	s.Finding(finding(7, anomaly.Withdrawn))
	settle(t, s)
	a := asked{t, s}
	if _, p := fetch(t, a, "connections?q=finding:zero-window-stall"); p.Matched != 2 {
		t.Errorf("%+v", p)
	}
	if _, p := fetch(t, a, "findings"); p.Matched != 2 {
		t.Errorf("%+v", p)
	}
	if _, text := a.page("connections/7"); !strings.Contains(string(text), `"findings":[]`) {
		t.Errorf("%s", text)
	}
}

// Whatever a request holds, the answer is JSON that no browser takes for a page.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{"connections?q=<script>", "connections?q=port:443&sort=-conn&limit=5&offset=3", "connections?cursor=1.5", "connections/7", "connections/x<b>", "findings?q=conn:7", "complete?text=sta", "timeline?limit=0", "states?q=%00"} {
		f.Add(seed)
	}
	s := filled(f, 1000, 300)
	network, _ := NewServers(Config{Store: s, Now: time.Now})
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.Parse("/api/v1/" + path)
		if err != nil || strings.Contains(path, "events") || strings.ContainsAny(path, " \r\n\x00") || !strings.HasPrefix(u.Path, "/api/v1/") {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL, r.RequestURI, r.Host = u, u.RequestURI(), "localhost"
		w := httptest.NewRecorder()
		network.Handler.ServeHTTP(w, r)
		if kind := w.Header().Get("Content-Type"); w.Code < 300 || w.Code >= 400 {
			if kind != "application/json" || !json.Valid(w.Body.Bytes()) || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%q: %d %s %.300q", path, w.Code, kind, w.Body)
			}
		}
	})
}

// Connections over time are counted in the spans in which they were there.
func TestTimeline(t *testing.T) {
	a := timelineOf([]life{{0, 100, false}, {40, 60, true}, {90, 100, false}}, 10)
	if got := fmt.Sprint(a["present"], a["began"], a["found"]); got != "[1 1 1 2 2 2 1 1 2 2] [1 0 0 1 0 0 0 0 1 0] [0 0 0 1 0 0 0 0 0 0]" {
		t.Error(got)
	}
	if a := timelineOf(nil, 10); len(a["times"].([]float64)) != 0 {
		t.Error(a)
	}
	one := timelineOf([]life{{5, 5, false}}, 3)
	if got := fmt.Sprint(one["present"]); got != "[1 0 0]" {
		t.Error(got)
	}
}

// jammed is an answer whose reader never reads; it tells whether the rows can change meanwhile.
type jammed struct {
	*httptest.ResponseRecorder
	s    *Store
	free bool
}

func (j *jammed) Write(b []byte) (int, error) {
	if j.free = j.s.mu.TryLock(); j.free {
		j.s.mu.Unlock()
	}
	return j.ResponseRecorder.Write(b)
}

// Whoever reads an answer slowly holds up neither the rows nor others that go through them.
func TestSlowReader(t *testing.T) {
	s := filled(t, 1000, 300)
	h, _ := begin(t, Config{Store: s})
	for _, path := range []string{"findings", "connections", "connections?q=state:time_wait", "states", "timeline", "status"} {
		w := &jammed{ResponseRecorder: httptest.NewRecorder(), s: s}
		r := httptest.NewRequest("GET", "/api/v1/"+path, nil)
		r.Host = "127.0.0.1"
		if h.ServeHTTP(w, r); w.Code != 200 || !w.free {
			t.Errorf("%s: code %d, rows free while it is written: %v", path, w.Code, w.free)
		}
	}
}
