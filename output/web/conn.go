package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tcptrack/tcptrack/output/jsonl"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

const (
	// maxDetails bounds the requests that read packets at once; others are told to come again.
	maxDetails = 4
	// maxTrip bounds how long one of them may read to draw, maxDownload to hand on.
	maxTrip     = 2 * time.Minute
	maxDownload = 20 * time.Minute
)

// Packets has the packets of connections. Its methods are called by several goroutines at once, and end with ctx.
type Packets interface {
	// Pcapng writes those of a connection as pcapng, those that are still there, with what was found, and what moved its ends,
	// as comments.
	Pcapng(ctx context.Context, c *tracker.Connection, found []anomaly.Finding, moves []tracker.Transition, to io.Writer) error
	// Detail is what the page draws of a connection, as JSON: the rows of its ladder, and series over time.
	Detail(ctx context.Context, c *tracker.Connection) (json.RawMessage, error)
}

// ErrNoPackets says that no packet of a connection is left.
var ErrNoPackets = errors.New("its packets are no longer in memory")

// chosen is the connection that a path names, a copy, shown with its row under the lock to see; false if it was refused.
func (s *server) chosen(w http.ResponseWriter, r *http.Request, see func(*Row, *tracker.Connection)) (line tracker.Connection, ok bool) {
	conn, err := strconv.ParseUint(r.PathValue("conn"), 10, 64)
	st := s.Store
	st.mu.RLock()
	defer st.mu.RUnlock()
	row := st.byConn[conn]
	if err != nil || row == nil {
		refuse(w, http.StatusNotFound, fmt.Sprintf("there is no connection %.20q", r.PathValue("conn")), "it may be forgotten: --rows keeps more")
		return line, false
	}
	st.subject(row, &line)
	see(row, &line)
	return line, true
}

// connection answers with all that is known of one.
func (s *server) connection(w http.ResponseWriter, r *http.Request) {
	one, findings, moves, omitted := newLister(), newLister(), newLister(), 0
	line, ok := s.chosen(w, r, func(row *Row, line *tracker.Connection) {
		one.row(row, line)
		worstFirst := slices.SortedStableFunc(slices.Values(row.Findings), func(x, y *anomaly.Finding) int { return cmp.Compare(y.Severity, x.Severity) })
		for _, f := range worstFirst {
			findings.add("", func(w *jsonl.Writer) { w.Finding(f) })
		}
		if h := s.Store.moves[line.Conn]; h != nil {
			omitted = h.omitted
			for i := range h.moves {
				t := h.moves[i].transition(line)
				moves.add("", func(w *jsonl.Writer) { w.Transition(&t) })
			}
		}
	})
	if !ok {
		return
	}
	detail, without := s.detail(r.Context(), w, &line)
	answer(w, `{"event":"detail","connection":%s,"findings":[%s],"history":[%s],"history_omitted":%d,"drawing":%s,"without":%s}`,
		one.Bytes(), findings.Bytes(), moves.Bytes(), omitted, detail, without)
}

// transition is the move of a connection as it was told.
func (m *move) transition(c *tracker.Connection) tracker.Transition {
	t := tracker.Transition{Time: m.time, Packet: m.packet, Conn: c.Conn, Client: c.Client.Endpoint, Server: c.Server.Endpoint, Side: m.side, From: m.from, To: m.to,
		Basis: m.basis, Possible: m.possible, Deadline: m.deadline, Why: m.why}
	if len(c.Streams) > 0 {
		t.Stream = c.Streams[0]
	}
	return t
}

// detail is what is drawn of a connection, or why it is not.
func (s *server) detail(ctx context.Context, w http.ResponseWriter, c *tracker.Connection) (detail, without []byte) {
	nothing := []byte("null")
	why := func(text string) []byte {
		quoted, err := json.Marshal(text)
		if err != nil {
			return nothing
		}
		return quoted
	}
	if s.Packets == nil {
		return nothing, why("packets are not kept")
	}
	ctx, done, ok := s.reading(ctx, w, maxTrip)
	if !ok {
		return nothing, why("too many read packets at once; try again")
	}
	defer done()
	text, err := s.Packets.Detail(ctx, c)
	if err != nil {
		return nothing, why(err.Error())
	}
	return text, nothing
}

// reading takes a place among those that read packets.
func (s *server) reading(ctx context.Context, w http.ResponseWriter, most time.Duration) (context.Context, func(), bool) {
	select {
	case s.details <- struct{}{}:
	default:
		return ctx, nil, false
	}
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Time{}) // where these cannot be set, the server's usual ones hold
	control.SetWriteDeadline(s.Now().Add(most + writeTimeout))
	ctx, cancel := context.WithTimeout(ctx, most)
	return ctx, func() { cancel(); <-s.details }, true
}

// pcapng answers with the packets of a connection.
func (s *server) pcapng(w http.ResponseWriter, r *http.Request) {
	var found []anomaly.Finding
	var moves []tracker.Transition
	line, ok := s.chosen(w, r, func(row *Row, line *tracker.Connection) {
		for _, f := range row.Findings {
			found = append(found, *f)
			found[len(found)-1].Evidence = slices.Clone(f.Evidence)
		}
		if h := s.Store.moves[line.Conn]; h != nil {
			for i := range h.moves {
				moves = append(moves, h.moves[i].transition(line))
			}
		}
	})
	if !ok {
		return
	}
	if s.Packets == nil {
		refuse(w, http.StatusNotFound, "packets are not kept", "--ring keeps the last ones")
		return
	}
	ctx, done, ok := s.reading(r.Context(), w, maxDownload)
	if !ok {
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, "too many read packets at once", "try again")
		return
	}
	defer done()
	out := &patient{w: w, control: http.NewResponseController(w), s: s, name: fmt.Sprintf("tcptrack-conn%d.pcapng", line.Conn)}
	err := s.Packets.Pcapng(ctx, &line, found, moves, out)
	if err == nil {
		err = out.flush()
	}
	switch {
	case err == nil:
	case out.begun: // what has gone out cannot be taken back: the connection breaks
		panic(http.ErrAbortHandler)
	case errors.Is(err, ErrNoPackets):
		refuse(w, http.StatusGone, err.Error(), "--ring SIZE keeps more of them")
	default:
		refuse(w, http.StatusInternalServerError, err.Error(), "")
	}
}

// patient writes a file that may be large: each part has its own time.
type patient struct {
	w       http.ResponseWriter
	control *http.ResponseController
	s       *server
	name    string
	begun   bool
	first   bytes.Buffer // kept back, so that what goes wrong at first can still be told
}

const keptBack = 32 << 10

func (p *patient) Write(b []byte) (int, error) {
	if !p.begun && p.first.Len()+len(b) <= keptBack {
		return p.first.Write(b)
	}
	if err := p.flush(); err != nil {
		return 0, err
	}
	if err := p.control.SetWriteDeadline(p.s.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return p.w.Write(b)
}

// flush begins the answer.
func (p *patient) flush() error {
	if p.begun {
		return nil
	}
	p.begun = true
	h := p.w.Header()
	h.Set("Content-Type", "application/x-pcapng")
	h.Set("Content-Disposition", `attachment; filename="`+p.name+`"`)
	h.Set("Cache-Control", "no-store")
	_, err := p.w.Write(p.first.Bytes())
	return err
}
