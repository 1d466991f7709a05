package stats

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

// BothRow is what kernel and wire say of ends with the same Key.
type BothRow struct {
	Key
	Kernel   uint64 // sockets that the kernel has in that state
	Wire     uint64 // ends on this host that the packets show in that state
	Differ   uint64 // of Kernel, those that the packets show in another
	Refuted  uint64 // of Differ, those that the packets made impossible: an error of ours, or of the moment
	NoPacket uint64 // of Kernel, those of which nothing was captured
	NoSocket uint64 // of Wire, those of which the kernel has no socket
}

// Both counts the ends on this host side by side. The zero value is not ready, NewBoth makes one.
type Both struct {
	rows    map[Key]*BothRow
	sum     BothRow
	LeftOut uint64 // sockets beyond the bound on those
}

// NewBoth makes an empty count.
func NewBoth() *Both { return &Both{rows: map[Key]*BothRow{}} }

func (b *Both) add(k Key, count func(*BothRow)) {
	r := b.rows[k]
	if r == nil {
		r = &BothRow{Key: k}
		b.rows[k] = r
	}
	count(r)
	count(&b.sum)
}

// Seen counts a socket of which packets were captured: k has the kernel's state, then come the wire's and what it holds
// possible.
func (b *Both) Seen(k Key, wire tracker.State, possible tracker.StateSet) {
	b.add(k, func(r *BothRow) {
		r.Kernel++
		if wire != k.State {
			r.Differ++
			if !possible.Has(k.State) {
				r.Refuted++
			}
		}
	})
	k.State = wire
	b.add(k, func(r *BothRow) { r.Wire++ })
}

// Silent counts a socket of which nothing was captured.
func (b *Both) Silent(k Key) {
	b.add(k, func(r *BothRow) {
		r.Kernel++
		r.NoPacket++
	})
}

// Lone counts an end on this host of which the kernel has no socket.
func (b *Both) Lone(k Key) {
	b.add(k, func(r *BothRow) {
		r.Wire++
		r.NoSocket++
	})
}

// Rows returns the counts by port, the fullest first, then by side and state.
func (b *Both) Rows() []BothRow {
	ports := map[uint16]uint64{}
	var rows []BothRow
	for _, r := range b.rows {
		rows = append(rows, *r)
		ports[r.Port] += r.Kernel + r.Wire
	}
	slices.SortFunc(rows, func(x, y BothRow) int {
		return cmp.Or(cmp.Compare(ports[y.Port], ports[x.Port]), cmp.Compare(x.Port, y.Port), cmp.Compare(y.Side, x.Side), cmp.Compare(x.State, y.State))
	})
	return rows
}

var bothColumns = []column[BothRow]{
	{"PORT", true, 0, func(r *BothRow) string { return number(uint64(r.Port)) }},
	{"SIDE", false, 0, func(r *BothRow) string { return r.Side.String() }},
	{"STATE", false, 0, func(r *BothRow) string { return r.State.String() }},
	{"KERNEL", true, 0, func(r *BothRow) string { return number(r.Kernel) }},
	{"WIRE", true, 0, func(r *BothRow) string { return number(r.Wire) }},
	{"DIFFER", true, 1, func(r *BothRow) string { return some(r.Differ) }},
	{"NO PACKET", true, 2, func(r *BothRow) string { return some(r.NoPacket) }},
	{"NO SOCKET", true, 3, func(r *BothRow) string { return some(r.NoSocket) }},
}

// Table prints the counts side by side, at most width columns wide.
func (b *Both) Table(w io.Writer, width int) error {
	var out strings.Builder
	if rows := b.Rows(); len(rows) > 0 {
		table(&out, bothColumns, rows, width)
	}
	s := &b.sum
	text := output.Count(s.Kernel, "socket") + fmt.Sprintf(", %d of them with packets captured; on %d the wire says another state than the kernel", s.Kernel-s.NoPacket, s.Differ)
	if s.Differ > 0 {
		text += fmt.Sprintf(", and had held the kernel's for possible on %d", s.Differ-s.Refuted)
	}
	if s.NoSocket > 0 {
		text += fmt.Sprintf("; %s on the wire without a socket", output.Count(s.NoSocket, "end"))
	}
	if b.LeftOut > 0 {
		text += fmt.Sprintf("; %d sockets more than could be compared", b.LeftOut)
	}
	out.Write(output.Wrap(nil, text, width, "  "))
	_, err := io.WriteString(w, out.String())
	return err
}

type bothLine struct {
	Event    string  `json:"event"` // both, or total of the last line
	Source   string  `json:"source"`
	Port     *uint16 `json:"port,omitempty"`
	Side     string  `json:"side,omitempty"`
	State    string  `json:"state,omitempty"`
	Kernel   uint64  `json:"kernel"`
	Wire     uint64  `json:"wire"`
	Differ   uint64  `json:"differ"`
	Refuted  uint64  `json:"refuted"`
	NoPacket uint64  `json:"no_packet"`
	NoSocket uint64  `json:"no_socket"`
	LeftOut  uint64  `json:"left_out,omitempty"`
}

// JSON writes the counts as JSON Lines, and their total.
func (b *Both) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	of := func(event string, r *BothRow) *bothLine {
		return &bothLine{Event: event, Source: "both", Kernel: r.Kernel, Wire: r.Wire, Differ: r.Differ, Refuted: r.Refuted, NoPacket: r.NoPacket, NoSocket: r.NoSocket}
	}
	for _, r := range b.Rows() {
		l := of("both", &r)
		l.Port, l.Side, l.State = &r.Port, r.Side.String(), r.State.String()
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	l := of("total", &b.sum)
	l.LeftOut = b.LeftOut
	return enc.Encode(l)
}

// CSV writes a row for each port, side and state behind a head with the names of JSON's keys.
func (b *Both) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"port", "side", "state", "kernel", "wire", "differ", "refuted", "no_packet", "no_socket"})
	for _, r := range b.Rows() {
		out.Write([]string{number(uint64(r.Port)), r.Side.String(), r.State.String(), number(r.Kernel), number(r.Wire), number(r.Differ), number(r.Refuted),
			number(r.NoPacket), number(r.NoSocket)})
	}
	out.Flush()
	return out.Error()
}
