package check

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// maxWritten bounds the connections that Init writes expectations of; all others are counted.
const maxWritten = 20

// Init writes a file of expectations that holds today of a capture: its connections, those with findings one by one, and
// all others by their states.
func (r *Runner) Init(ctx context.Context, name string) (string, error) {
	src, err := r.Open([]string{name})
	if err != nil {
		return "", err
	}
	in := &initial{pairs: map[[2]tracker.State]int{}, tuples: map[[2]tcp.Endpoint]int{}}
	result, err := pipeline.Run(ctx, src, pipeline.Config{Sink: in, Connections: true, Rules: r.Rules, MaxConnections: r.MaxConnections})
	if err != nil {
		return "", err
	}
	sum, err := hashOf(name)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# What tcptrack says of this capture. tcptrack check FILE holds it to that.\nversion: 1\ntests:\n  - name: %s\n    pcap: %s\n    sha256: %s\n    expect:\n", scalar(name), scalar(name), sum)
	fmt.Fprintf(&b, "      - connections: %d\n", result.Tracker.Connections)
	fmt.Fprintf(&b, "      - capture: {dropped: %d, truncated: %v}\n", result.Capture.Dropped, result.Truncated())
	fmt.Fprintf(&b, "      - findings: [%s]\n", strings.Join(found(&result), ", "))
	in.write(&b)
	return b.String(), nil
}

func found(r *pipeline.Result) (list []string) {
	for code, n := range r.Findings {
		if n > 0 {
			list = append(list, code)
		}
	}
	return unique(list)
}

// initial gathers what Init writes.
type initial struct {
	found  query.Findings
	list   []written
	pairs  map[[2]tracker.State]int
	tuples map[[2]tcp.Endpoint]int // how many connections have it
}

// written is one connection of which expectations are written.
type written struct {
	conn           uint64
	ends           [2]tcp.Endpoint
	client, server tracker.State
	how            tracker.How
	closedBy       string
	codes          []string
	worst          anomaly.Severity
}

func (*initial) Transition(*tracker.Transition) {}
func (*initial) Flush() error                   { return nil }
func (in *initial) Finding(f *anomaly.Finding)  { in.found.Take(f) }

func (in *initial) Connection(c *tracker.Connection) {
	s := in.found.Subject(c)
	w := written{conn: c.Conn, ends: [2]tcp.Endpoint{c.Client.Endpoint, c.Server.Endpoint}, client: c.Client.State, server: c.Server.State, how: c.How, codes: codesOf(&s)}
	for i := range s.Found {
		w.worst = max(w.worst, s.Found[i].Severity)
	}
	if c.Closed {
		w.closedBy = c.ClosedBy.String()
	}
	in.found.Forget(c.Conn)
	in.pairs[[2]tracker.State{w.client, w.server}]++
	if in.tuples[w.ends]++; len(in.tuples) > 100*maxWritten {
		clear(in.tuples) // so many that the number is written anyway
	}
	in.list = append(in.list, w)
	if len(in.list) >= 4*maxWritten {
		in.trim()
	}
}

// trim keeps the worst.
func (in *initial) trim() {
	slices.SortStableFunc(in.list, func(a, b written) int {
		return cmp.Or(cmp.Compare(b.worst, a.worst), cmp.Compare(min(len(b.codes), 1), min(len(a.codes), 1)), cmp.Compare(a.conn, b.conn))
	})
	in.list = in.list[:min(len(in.list), maxWritten)]
}

func (in *initial) write(b *bytes.Buffer) {
	in.trim()
	all := 0
	for _, n := range in.pairs {
		all += n
	}
	for _, w := range in.list {
		if len(w.codes) == 0 && all > maxWritten {
			continue
		}
		where := fmt.Sprintf("client:%s server:%s", w.ends[0], w.ends[1])
		if in.tuples[w.ends] != 1 {
			where = "conn:" + strconv.FormatUint(w.conn, 10) + " " + where
		}
		fmt.Fprintf(b, "      - where: %s\n        client.state: %s\n        server.state: %s\n        how: %s\n", scalar(where), w.client, w.server, w.how)
		if w.closedBy != "" {
			fmt.Fprintf(b, "        closed_by: %s\n", w.closedBy)
		}
		fmt.Fprintf(b, "        findings: [%s]\n", strings.Join(w.codes, ", "))
	}
	if all <= maxWritten {
		return
	}
	var pairs [][2]tracker.State
	for p := range in.pairs {
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(a, b [2]tracker.State) int {
		return cmp.Or(cmp.Compare(in.pairs[b], in.pairs[a]), cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	for _, p := range pairs {
		fmt.Fprintf(b, "      - where: client.state:%s server.state:%s\n        connections: %d\n", p[0], p[1], in.pairs[p])
	}
}

// scalar writes a value of YAML: plain where it cannot be read as anything else.
func scalar(s string) string {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_./-", r)) {
			return strconv.Quote(s)
		}
	}
	if s == "" || strings.ContainsRune("-.0123456789", rune(s[0])) {
		return strconv.Quote(s)
	}
	return s
}
