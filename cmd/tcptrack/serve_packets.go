package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

// source shows the packets of a connection that are still there, copies or valid until see returns; short says that some
// before them are gone.
type source interface {
	of(ctx context.Context, c *tracker.Connection, see func(*capture.Record) error) (short bool, err error)
}

// packets are a connection's, for the page.
type packets struct {
	source
	rules map[string]anomaly.Limits
}

// filePackets reads the captures once more for them, without tracking anything.
type filePackets struct{ o *readOptions }

func (p filePackets) of(ctx context.Context, c *tracker.Connection, see func(*capture.Record) error) (short bool, err error) {
	filter, err := p.o.filtering.parse()
	if err != nil {
		return false, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	flow, hosts := flowOf(c), pairOf(c.Client.Endpoint.Addr, c.Server.Endpoint.Addr)
	src, err := capture.Open(p.o.files, capture.Options{MaxPackets: p.o.packets, Filter: filter, Recorder: func(r *capture.Record, seg *tcp.Segment) {
		mine := seg != nil && seg.Flow == flow || seg == nil && r.Fragment && pairOf(r.A, r.B) == hosts
		if !mine || r.Number < c.First || r.Time > c.Last || ctx.Err() != nil {
			return
		}
		if err := see(r); err != nil {
			stop(err)
		}
	}})
	if err != nil {
		return false, err
	}
	defer src.Close()
	err = scan(ctx, src, func(*tcp.Segment) {})
	return false, errors.Join(err, context.Cause(ctx))
}

// ringPackets has those that are still in memory.
type ringPackets struct{ ring *incident.Latest }

// of shows those of one that lives also that came since it was looked at.
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

// Pcapng writes them, with what was found and what moved an end on the packets that show it.
func (p packets) Pcapng(ctx context.Context, c *tracker.Connection, found []anomaly.Finding, moves []tracker.Transition, to io.Writer) error {
	comments := map[uint64][]string{}
	for i := range moves {
		if t := &moves[i]; t.From != t.To {
			comments[t.Packet] = append(comments[t.Packet], incident.Move(t))
		}
	}
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
	w := capture.NewWriter(to, capture.Pcapng, "tcptrack "+version, fmt.Sprintf("connection %d, %s to %s", c.Conn, c.Client.Endpoint, c.Server.Endpoint))
	_, err := p.of(ctx, c, func(r *capture.Record) error { return w.Write(r, comments[r.Number]...) })
	switch {
	case err != nil:
		return err
	case w.Packets() == 0:
		return web.ErrNoPackets
	}
	return w.Finish(0)
}

// drawnRows bounds the rows of a ladder on the page: what a browser draws at once.
const drawnRows = 400

// drawnOctets bounds the packets that a drawing is made of, of which the headers are kept: some 200,000.
const drawnOctets = 64 << 20

// Detail tracks the packets anew, as a capture of this connection alone.
func (p packets) Detail(ctx context.Context, c *tracker.Connection) (json.RawMessage, error) {
	var saved bytes.Buffer
	var numbers []uint64
	cut := false
	w := capture.NewWriter(&saved, capture.Pcapng, "", "")
	short, err := p.of(ctx, c, func(r *capture.Record) error {
		if cut = cut || w.Size() > drawnOctets; cut {
			return nil
		}
		headers := *r
		headers.Data = r.Data[:min(len(r.Data), capture.DefaultSnap)]
		numbers = append(numbers, r.Number)
		return w.Write(&headers)
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
	life, err := lifeOf(ctx, pipeline.Config{Rules: p.rules}, open)
	if err != nil {
		return nil, err
	}
	d := drawn(life, c.Start, short)
	d.Cut = cut
	return json.Marshal(d)
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
	Cut    bool       `json:"cut"`   // its last packets are too many
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

// lifeOf gathers the life of the one connection in what open opens twice.
func lifeOf(ctx context.Context, config pipeline.Config, open func() (capture.Source, error)) (*story.Life, error) {
	src, err := open()
	if err != nil {
		return nil, err
	}
	life := story.NewLife(0, drawnRows)
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
	return life, ctx.Err()
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
