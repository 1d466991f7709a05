package tui

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

// ladder is the latest packets of the connection in focus, as far as they are in memory, and what they tell of windows
// and of what was in flight.
type ladder struct {
	conn   uint64
	packet uint64 // the latest when it was made
	rungs  []rung
	series []sample
	scale  [2]int // by side: what the raw window is to be multiplied with; 0 is not known
}

// rung is one row: a segment, or several of a kind.
type rung struct {
	number, last uint64 // of the first and of the last packet
	time, until  int64
	from         tracker.Side
	label        string
	are          [2]tracker.State // behind it
	ordinary     bool             // it decides nothing
	n            int              // segments
	octets       int
}

// sample is what one segment tells of its sender's window, and of what both have in flight behind it. The windows are
// raw.
type sample struct {
	time   int64
	from   tracker.Side
	window int // -1: it means nothing
	flight [2]int
}

// learn makes the ladder anew if there is anything new.
func (l *ladder) learn(x *Detail) {
	if l.conn == x.Conn && l.packet == x.Packet && l.packet != 0 {
		return
	}
	*l = ladder{conn: x.Conn, packet: x.Packet}
	if x.Segments == nil {
		return
	}
	segs := x.Segments()
	l.climb(x, segs)
	l.measure(x, segs)
}

// sideOf is who sent a segment.
func (x *Detail) sideOf(s *tcp.Segment) tracker.Side {
	if src, dst := s.Ends(); src == x.Ends[tracker.Server].Endpoint && dst == x.Ends[tracker.Client].Endpoint {
		return tracker.Server
	}
	return tracker.Client
}

// climb makes the rungs.
func (l *ladder) climb(x *Detail, segs []tcp.Segment) {
	var are [2]tracker.State
	events := x.Events
	for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
		if i := slices.IndexFunc(events, func(e Event) bool { return e.Side == side && e.From != e.To }); i >= 0 {
			are[side] = events[i].From
		} else {
			are[side] = x.Ends[side].State // it has not moved as far as is remembered
		}
	}
	for i := range segs {
		s := &segs[i]
		var marks tracker.FactKind
		moved := false
		for len(events) > 0 && events[0].Packet <= s.Number {
			e := events[0]
			events = events[1:]
			if e.From != e.To {
				are[e.Side] = e.To
				moved = moved || e.Packet == s.Number
			} else if e.Packet == s.Number {
				marks |= e.Mark
			}
		}
		r := rung{number: s.Number, last: s.Number, time: s.Time, until: s.Time, from: x.sideOf(s), are: are, n: 1, octets: s.Len}
		r.label = label(s, marks)
		r.ordinary = marks == 0 && !moved && !s.Flags.Any(tcp.SYN|tcp.FIN|tcp.RST) && s.Window != 0
		l.rungs = append(l.rungs, r)
		l.fold()
	}
}

// fold joins the last rung with those before it that it repeats: ordinary ones of one direction, and a question with its
// answer that came before alike.
func (l *ladder) fold() {
	n := len(l.rungs)
	if n < 2 {
		return
	}
	a, b := &l.rungs[n-2], &l.rungs[n-1]
	if a.ordinary && b.ordinary && a.from == b.from && (a.octets > 0) == (b.octets > 0) {
		a.join(b)
		l.rungs = l.rungs[:n-1]
		return
	}
	if n < 4 {
		return
	}
	p, q := &l.rungs[n-4], &l.rungs[n-3]
	if p.alike(a) && q.alike(b) {
		p.join(a)
		q.join(b)
		l.rungs = l.rungs[:n-2]
	}
}

func (r *rung) alike(s *rung) bool {
	return r.from == s.from && r.label == s.label && r.are == s.are && !r.ordinary && !s.ordinary
}

func (r *rung) join(s *rung) {
	r.last, r.until, r.are = s.last, s.until, s.are
	r.n += s.n
	r.octets += s.octets
}

// label says what a segment is.
func label(s *tcp.Segment, marks tracker.FactKind) string {
	var parts []string
	for _, f := range []struct {
		flag tcp.Flags
		name string
	}{{tcp.SYN | tcp.ACK, "SYN-ACK"}, {tcp.SYN, "SYN"}, {tcp.FIN, "FIN"}, {tcp.RST, "RST"}} {
		if s.Flags.Has(f.flag) && (f.name != "SYN" || len(parts) == 0) {
			parts = append(parts, f.name)
		}
	}
	if s.Len > 0 {
		parts = append(parts, output.Count(uint64(s.Len), "octet"))
	}
	words := []struct {
		kind tracker.FactKind
		text string
	}{{tracker.Probed, "probe"}, {tracker.KeptAlive, "keepalive"}, {tracker.Resent | tracker.SYNAgain, "again"}, {tracker.Shut, "window shuts"}, {tracker.Opened, "window opens"}}
	bare := len(parts) == 0
	for _, w := range words {
		if marks&w.kind != 0 {
			parts = append(parts, w.text)
			bare = bare && w.kind&(tracker.Probed|tracker.KeptAlive) == 0
		}
	}
	if bare {
		parts = append([]string{"ACK"}, parts...)
	}
	if s.Window == 0 && marks&tracker.Shut == 0 && !s.Flags.Has(tcp.RST) {
		parts = append(parts, "window 0")
	}
	return strings.Join(parts, ", ")
}

// text is a rung's label with how often.
func (r *rung) text() string {
	switch {
	case r.n == 1:
		return r.label
	case r.ordinary && r.octets > 0:
		return fmt.Sprintf("%d octets in %d", r.octets, r.n)
	case r.ordinary:
		return fmt.Sprintf("%d ACKs", r.n)
	}
	return fmt.Sprintf("%s ×%d in %s", r.label, r.n, output.Span(r.until-r.time))
}

// The columns of the ladder.
const (
	numberWidth = 8
	timeWidth   = 10
	leastArrow  = 18
)

// draw draws the last rungs that fit.
func (l *ladder) draw(m *Model, x *Detail, width, height int) []string {
	if height < 2 {
		return nil
	}
	states := width >= numberWidth+timeWidth+2*stateWidth+leastArrow+4
	arrow := width - numberWidth - timeWidth - 3
	head := pad("packet", numberWidth, true) + pad("time", timeWidth, true) + "  "
	if states {
		arrow -= 2 * stateWidth
		head += pad("client", stateWidth+arrow, false) + " server"
	} else {
		head += pad("client", arrow-6, false) + "server"
	}
	lines := []string{m.line(width, 0, span{head, bold})}
	rungs := l.rungs
	if over := len(rungs) - (height - 1); over > 0 {
		rungs = rungs[over:]
	}
	if len(rungs) == 0 {
		return append(lines, m.line(width, 0, span{" No packet of it is in memory.", 0}))
	}
	for i := range rungs {
		r := &rungs[i]
		number := fmt.Sprint(r.last)
		var look looks
		if r.shows(x.Found) {
			number, look = "*"+number, bold
		}
		text := pad(number, numberWidth, true) + pad(output.Span(r.until-x.Start), timeWidth, true) + "  "
		if states {
			text += pad(known(r.are[tracker.Client]), stateWidth, false) + arrowOf(r.text(), r.from, arrow) + " " + known(r.are[tracker.Server])
		} else {
			text += arrowOf(r.text(), r.from, arrow)
		}
		lines = append(lines, m.line(width, 0, span{text, look}))
	}
	return lines
}

// shows says that one of its packets is evidence of a finding.
func (r *rung) shows(found []Found) bool {
	return slices.ContainsFunc(found, func(f Found) bool {
		return slices.ContainsFunc(f.Evidence, func(n uint64) bool { return r.number <= n && n <= r.last })
	})
}

// known spells a state, nothing where it is not known.
func known(s tracker.State) string {
	if s == tracker.Unknown {
		return ""
	}
	return s.String()
}

// arrowOf draws an arrow with a label in it.
func arrowOf(label string, from tracker.Side, width int) string {
	label = cut(label, width-6)
	line := strings.Repeat("─", max(width-utf8.RuneCountInString(label)-5, 0))
	if from == tracker.Client {
		return "── " + label + " " + line + "▶"
	}
	return "◀─ " + label + " " + line + "─"
}

// measure makes the series.
func (l *ladder) measure(x *Detail, segs []tcp.Segment) {
	type half struct {
		una, nxt tcp.Seq
		sent     bool
		acked    bool
	}
	var of [2]half
	for i := range segs {
		s := &segs[i]
		from := x.sideOf(s)
		snd, rcv := &of[from], &of[from.Other()]
		if s.Flags.Has(tcp.SYN) && s.Options.Has&tcp.HasWScale != 0 {
			l.scale[from] = 1 << min(s.Options.WScale, 14)
		}
		if end := s.End(); !s.Flags.Has(tcp.RST) && (!snd.sent || end.After(snd.nxt)) {
			snd.nxt, snd.sent = end, true
			if !snd.acked {
				snd.una, snd.acked = s.Seq, true
			}
		}
		if s.Flags.Has(tcp.ACK) && !s.Flags.Has(tcp.RST) && rcv.sent && s.Ack.After(rcv.una) && !s.Ack.After(rcv.nxt) {
			rcv.una = s.Ack
		}
		p := sample{time: s.Time, from: from, window: int(s.Window)}
		if s.Flags.Any(tcp.RST | tcp.SYN) {
			p.window = -1
		}
		for side := range of {
			if of[side].sent {
				p.flight[side] = max(of[side].nxt.Sub(of[side].una), 0)
			}
		}
		l.series = append(l.series, p)
	}
}

// plot draws the reader's window and what the other end has in flight, each so many lines high, up to now.
func (l *ladder) plot(m *Model, x *Detail, width, height int) []string {
	const label = 8
	if len(l.series) == 0 || height < 4 || width < label+10 {
		return nil
	}
	reader, writer := x.Reader, x.Reader.Other()
	columns := width - label
	start, end := l.series[0].time, max(x.Now, l.series[len(l.series)-1].time)
	if x.Retired {
		end = l.series[len(l.series)-1].time
	}
	windows, flights := make([]int, columns), make([]int, columns)
	for i := range windows {
		windows[i], flights[i] = -1, -1
	}
	window, flight, next := -1, -1, 0
	largest := -1
	for i := range windows {
		until := start + int64(float64(end-start)*float64(i+1)/float64(columns))
		least, most := window, flight
		fresh := false
		for ; next < len(l.series) && (l.series[next].time <= until || i == columns-1); next++ {
			p := &l.series[next]
			if p.from == reader && p.window >= 0 {
				if window = p.window; !fresh || window < least {
					least = window
				}
				fresh = true
				if i == 0 {
					largest = max(largest, window)
				}
			}
			flight = p.flight[writer]
			most = max(most, flight)
		}
		if windows[i], flights[i] = least, most; i == 0 {
			windows[0] = largest // so that a window that shuts soon is seen to have been open
		}
	}
	scale, unit := l.scale[reader], ""
	if scale == 0 {
		scale, unit = 1, ", unscaled" // its SYN is not in memory
	}
	for i := range windows {
		if windows[i] > 0 {
			windows[i] *= scale
		}
	}
	lines := []string{m.line(width, 0, span{fmt.Sprintf("%s's window%s, %s", reader, unit, output.Span(end-start)+" up to now"), bold})}
	lines = append(lines, chart(m, windows, width, label, (height-2)/2, true)...)
	lines = append(lines, m.line(width, 0, span{fmt.Sprintf("%s's octets in flight", writer), bold}))
	return append(lines, chart(m, flights, width, label, (height-2)/2, false)...)
}

// chart draws values as bars, the largest named; where zero is marked, it shows as _. Below 0 is not known.
func chart(m *Model, values []int, width, label, height int, markZero bool) []string {
	top := max(slices.Max(values), 1)
	lines := make([]string, height)
	for row := range height {
		name := ""
		if row == 0 {
			name = output.Size(uint64(top))
		}
		if row == height-1 && height > 1 {
			name = "0"
		}
		var b strings.Builder
		b.WriteString(pad(name, label-2, true) + "┤ ")
		for _, v := range values {
			eighths := v*height*8/top - (height-1-row)*8
			if v > 0 && row == height-1 {
				eighths = max(eighths, 1)
			}
			switch {
			case v == 0 && row == height-1 && markZero:
				b.WriteByte('_')
			case v <= 0 || eighths <= 0:
				b.WriteByte(' ')
			default:
				b.WriteRune(bars[min(eighths, 8)])
			}
		}
		lines[row] = m.line(width, 0, span{b.String(), 0})
	}
	return lines
}
