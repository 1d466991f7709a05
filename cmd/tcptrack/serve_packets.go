package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/incident"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output/ladder"
	"github.com/tcptrack/tcptrack/output/story"
	"github.com/tcptrack/tcptrack/output/web"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// filePackets reads the packets of a connection from the captures once more.
type filePackets struct{ o *readOptions }

// reading sets up another reading of the same.
func (p filePackets) reading(o *readOptions) {
	o.files, o.filtering, o.thresholds, o.checksum = p.o.files, p.o.filtering, p.o.thresholds, p.o.checksum
	o.packets, o.maxConnections, o.format, o.color = p.o.packets, p.o.maxConnections, p.o.format, p.o.color
}

// Pcapng does what extract does.
func (p filePackets) Pcapng(ctx context.Context, c *tracker.Connection, _ []anomaly.Finding, to io.Writer) error {
	e := extraction{conns: []uint{uint(c.Conn)}}
	p.reading(&e.readOptions)
	e.destination, e.quiet = "-", true
	return e.extract(ctx, to, io.Discard)
}

// ringPackets has the packets that are still in memory.
type ringPackets struct {
	ring  *incident.Latest
	rules map[string]anomaly.Limits
}

// Pcapng writes those of the connection, with what was found on the packets that show it.
func (p ringPackets) Pcapng(ctx context.Context, c *tracker.Connection, found []anomaly.Finding, to io.Writer) error {
	comments := map[uint64][]string{}
	for i := range found {
		f := &found[i]
		for k, n := range f.Evidence {
			text := incident.Evidence(f, n)
			if k == len(f.Evidence)-1 {
				text = incident.Verdict(f, incident.StatesAtEnd(c))
			}
			comments[n] = append(comments[n], text)
		}
	}
	w := capture.NewWriter(to, capture.Pcapng, "tcptrack "+version, fmt.Sprintf("connection %d, %s to %s: its packets that were still in memory", c.Conn, c.Client.Endpoint, c.Server.Endpoint))
	_, err := p.of(ctx, c, func(r *capture.Record) error { return w.Write(r, comments[r.Number]...) })
	switch {
	case err != nil:
		return err
	case w.Packets() == 0:
		return web.ErrNoPackets
	}
	return w.Finish(0)
}

// of shows the packets of a connection that are still there; of one that lives also those that came since it was looked at.
func (p ringPackets) of(ctx context.Context, c *tracker.Connection, see func(*capture.Record) error) (short bool, err error) {
	last := c.Last
	if c.How == tracker.HowOpen {
		last = math.MaxInt64
	}
	return p.ring.Of(flowOf(c), c.Start, last, func(r *capture.Record) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return see(r)
	})
}

// drawnRows bounds the rows of a ladder on the page: what a browser draws at once.
const drawnRows = 400

// Detail gathers the connection's life in two passes over the captures, as explain does.
func (p filePackets) Detail(ctx context.Context, c *tracker.Connection) (json.RawMessage, error) {
	var o readOptions
	p.reading(&o)
	shape, err := o.shape()
	if err != nil {
		return nil, err
	}
	open := func() (capture.Source, error) { return o.open(shape.checksum, nil) }
	limits, err := o.thresholds.limits()
	if err != nil {
		return nil, err
	}
	return drawLife(ctx, c.Conn, c, false, pipeline.Config{Rules: limits, MaxConnections: int(o.maxConnections)}, open)
}

// Detail tracks the packets that are in memory anew, as a capture of this connection alone.
func (p ringPackets) Detail(ctx context.Context, c *tracker.Connection) (json.RawMessage, error) {
	var saved bytes.Buffer
	var numbers []uint64
	w := capture.NewWriter(&saved, capture.Pcapng, "", "")
	short, err := p.of(ctx, c, func(r *capture.Record) error {
		numbers = append(numbers, r.Number)
		return w.Write(r)
	})
	if err == nil {
		err = w.Finish(0)
	}
	if err != nil {
		return nil, err
	}
	if len(numbers) == 0 {
		return nil, web.ErrNoPackets
	}
	open := func() (capture.Source, error) {
		src, err := capture.Open([]string{"-"}, capture.Options{Stdin: bytes.NewReader(saved.Bytes())})
		return renumbered{src, numbers}, err
	}
	return drawLife(ctx, 0, c, short, pipeline.Config{Rules: p.rules}, open)
}

// renumbered gives packets the numbers that they had where they were captured.
type renumbered struct {
	capture.Source
	numbers []uint64 // of the packets in order
}

func (r renumbered) Read(segs []tcp.Segment) (int, error) {
	n, err := r.Source.Read(segs)
	for i := range segs[:n] {
		segs[i].Number = r.numbers[segs[i].Number-1]
	}
	return n, err
}

// drawing is what the page draws of a connection; times are seconds since its first packet.
type drawing struct {
	Rows   []drawnRow `json:"rows"`
	More   int        `json:"more"`  // rows
	Short  bool       `json:"short"` // its first packets are gone
	Series drawnLines `json:"series"`
}

// drawnRow is a packet that decides, or, without label, a text about several.
type drawnRow struct {
	Packet uint64  `json:"packet"`
	T      float64 `json:"t"`
	From   string  `json:"from,omitempty"`
	Label  string  `json:"label,omitempty"`
	Text   string  `json:"text,omitempty"`
	Client string  `json:"client"`
	Server string  `json:"server"`
}

// drawnLines are windows and flights in octets over time, null where they are not known.
type drawnLines struct {
	T            []float64 `json:"t"`
	ClientWindow []*int    `json:"client_window"`
	ServerWindow []*int    `json:"server_window"`
	ClientFlight []*int    `json:"client_flight"`
	ServerFlight []*int    `json:"server_flight"`
}

// drawLife gathers the life of the connection of that number in what open opens twice.
func drawLife(ctx context.Context, conn uint64, c *tracker.Connection, short bool, config pipeline.Config, open func() (capture.Source, error)) (json.RawMessage, error) {
	src, err := open()
	if err != nil {
		return nil, err
	}
	life := story.NewLife(conn, drawnRows)
	config.Sink, config.Transitions, config.Connections, config.Facts, config.Fact = life, true, true, story.Facts, life.Fact
	if _, err = pipeline.Run(ctx, src, config); err != nil {
		return nil, err
	}
	if found, _ := life.Found(); !found {
		return nil, web.ErrNoPackets
	}
	if src, err = open(); err != nil {
		return nil, err
	}
	defer src.Close()
	if err := scan(ctx, src, life.Segment); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return json.Marshal(drawn(life, c.Start, short))
}

// drawn puts a life in the page's form.
func drawn(life *story.Life, start int64, short bool) *drawing {
	d := &drawing{Rows: []drawnRow{}, Short: short, Series: drawnLines{T: []float64{}}}
	since := func(ns int64) float64 { return float64(ns-start) / 1e9 }
	rows, more := life.Drawing().Rows()
	d.More = more
	for i := range rows {
		r := &rows[i]
		row := drawnRow{Packet: r.First, T: since(r.Time), Client: r.Claims[tracker.Client].State.String(), Server: r.Claims[tracker.Server].State.String()}
		if r.Kind == ladder.Packet {
			row.Label, row.From = r.Label, r.From.String()
		} else {
			row.Text = r.Text()
		}
		d.Rows = append(d.Rows, row)
	}
	known := func(n int) *int {
		if n < 0 {
			return nil
		}
		return &n
	}
	s := &d.Series
	for _, p := range life.Drawing().Points() {
		s.T = append(s.T, since(p.Time))
		s.ClientWindow, s.ServerWindow = append(s.ClientWindow, known(p.Least[tracker.Client])), append(s.ServerWindow, known(p.Least[tracker.Server]))
		s.ClientFlight, s.ServerFlight = append(s.ClientFlight, known(p.Flight[tracker.Client])), append(s.ServerFlight, known(p.Flight[tracker.Server]))
	}
	return d
}
