package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/draw"
	"github.com/tcptrack/tcptrack/output/ladder"
	"github.com/tcptrack/tcptrack/output/web"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

//go:embed report.html
var markup string

//go:embed report.css
var style string

//go:embed report.js
var script string

var page = template.Must(template.New("report").Parse(markup))

// view is what the page's markup is filled with.
type view struct {
	Title, Policy, Account, Span, Words, Version string
	Selected                                     string
	Damage                                       []string
	Style                                        template.CSS
	Script                                       template.JS
	Codes                                        []chip
	Matrix                                       *matrix
	Rows                                         []row
	Over, Connections                            int
	Drawings                                     []drawing
	Undrawn                                      int // connections with findings that are not drawn
}

// chip is a finding's code with how many there are.
type chip struct {
	Code, Severity, Title string
	Findings              int
}

// matrix is the pairs of last states.
type matrix struct {
	Servers []string
	Rows    []matrixRow
}

type matrixRow struct {
	Client string
	Cells  []cell
}

// cell is how many connections are in a pair of states, and in nine steps how many that is.
type cell struct {
	Connections uint64
	Heat        int
}

// row is a line of the table, in words; what it is sorted by where words would not do.
type row struct {
	Conn                           uint64
	Drawn                          bool
	Client, Server                 string
	ClientIs, ServerIs             string
	Life, Shut                     string
	LifeNs, ShutNs                 int64
	Bytes, Repeats                 uint64
	Size, Severity, Codes, Started string
	Grave                          int
}

// drawing is a connection with its picture.
type drawing struct {
	Conn     uint64
	Heading  string
	Findings []chip
	Picture  template.HTML
}

// Write writes the page. drawings are those of Worst, in that order.
func (c *Collector) Write(w io.Writer, drawings []*ladder.Drawing, version string) error {
	shared, err := fs.ReadFile(web.Page(), "page.css")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	css := string(shared) + draw.CSS + style
	s := c.summary
	v := view{Title: c.Title, Account: s.Account(), Words: c.words.String(), Version: version, Damage: s.Damage, Style: template.CSS(css), Script: template.JS(script),
		Policy: fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'", hash(css), hash(script)),
		Over:   c.over, Connections: len(c.lines) + c.over, Matrix: matrixOf(s), Undrawn: c.ill - len(drawings)}
	if s.Selected != nil {
		v.Selected = s.Selected.Line(s.Tracker.Connections)
	}
	for _, f := range s.Found() {
		v.Codes = append(v.Codes, chip{f.Rule.Code, f.Rule.Severity.String(), f.Rule.Title, f.Findings})
	}
	first := int64(math.MaxInt64)
	for i := range c.lines {
		first = min(first, c.lines[i].Start)
		v.Rows = append(v.Rows, rowOf(&c.lines[i], i < len(drawings)))
	}
	if len(c.lines) > 0 && c.over == 0 {
		v.Span = fmt.Sprintf("%s, for %s", stamp(first), output.Span(s.Last-first))
	}
	for i, d := range drawings {
		v.Drawings = append(v.Drawings, drawingOf(&c.lines[i], d))
	}
	return page.Execute(w, &v)
}

// hash is how a content security policy names a text.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05.000") + " UTC" }

// matrixOf puts the pairs of last states into a table, of the states that occur.
func matrixOf(s *output.Summary) *matrix {
	pairs := s.States()
	if len(pairs) == 0 {
		return nil
	}
	var clients, servers []tracker.State
	for _, p := range pairs {
		clients, servers = append(clients, p.Client), append(servers, p.Server)
	}
	slices.Sort(clients)
	slices.Sort(servers)
	clients, servers = slices.Compact(clients), slices.Compact(servers)
	m := &matrix{}
	for _, s := range servers {
		m.Servers = append(m.Servers, s.String())
	}
	most := math.Log1p(float64(pairs[0].Connections))
	for _, client := range clients {
		r := matrixRow{Client: client.String()}
		for _, server := range servers {
			n := s.Tracker.States[client][server]
			x := cell{Connections: n}
			if n > 0 {
				x.Heat = 1 + int(8*math.Log1p(float64(n))/most)
			}
			r.Cells = append(r.Cells, x)
		}
		m.Rows = append(m.Rows, r)
	}
	return m
}

// rowOf puts a line into words.
func rowOf(l *Line, drawn bool) row {
	claim := func(e *tracker.End) string {
		return ladder.Claim{State: e.State, Basis: e.Basis, Possible: e.Possible}.String()
	}
	r := row{Conn: l.Conn, Drawn: drawn, Client: l.Client.Endpoint.String(), Server: l.Server.Endpoint.String(), ClientIs: claim(&l.Client), ServerIs: claim(&l.Server),
		Started: stamp(l.Start), LifeNs: l.Last - l.Start, Life: output.Span(l.Last - l.Start), ShutNs: l.shut(), Bytes: l.Client.StreamBytes + l.Server.StreamBytes, Repeats: l.repeats(),
		Codes: strings.Join(l.Findings, ", ")}
	r.Size = output.Size(r.Bytes)
	if r.ShutNs > 0 {
		r.Shut = output.Span(r.ShutNs)
	}
	if l.Found {
		r.Severity, r.Grave = l.Severity.String(), 1+int(l.Severity)
	}
	return r
}

// drawingOf paints a connection.
func drawingOf(l *Line, d *ladder.Drawing) drawing {
	var b bytes.Buffer
	draw.SVG(&b, d, draw.Picture{Width: 960, Ladder: true, Timeline: true, Bare: true})
	x := drawing{Conn: l.Conn, Heading: fmt.Sprintf("Connection %d: client %s, server %s", l.Conn, l.Client.Endpoint, l.Server.Endpoint), Picture: template.HTML(b.String())}
	list := slices.SortedStableFunc(slices.Values(l.Evidence), func(a, b anomaly.Finding) int { return int(b.Severity) - int(a.Severity) })
	for _, f := range list {
		x.Findings = append(x.Findings, chip{Code: f.Rule.Code, Severity: f.Severity.String(), Title: f.Summary})
	}
	return x
}
