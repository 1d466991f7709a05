package jsonl

import (
	"io"
	"slices"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

// Schema is the version of the lines' shape, told in the summary line. It grows when a key changes its meaning,
// not when one is added.
const Schema = 1

// full is how many bytes are gathered before they are written while the input flows.
const full = 64 << 10

// Writer writes JSON Lines; it is an output.Writer.
type Writer struct {
	out    io.Writer
	events output.Events
	buf    []byte
	err    error
	words  spelled

	head  head // of the transition before, and as it is spelled
	begun []byte

	day  int64 // since 1970, that date spells
	date [len("2006-01-02T")]byte
}

// New makes a Writer that writes the chosen lines to out.
func New(out io.Writer, events output.Events) *Writer {
	return &Writer{out: out, events: events, buf: make([]byte, 0, full+4096)}
}

// Flush writes what is buffered and returns the first error of any write.
func (w *Writer) Flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.out.Write(w.buf)
	}
	w.buf = w.buf[:0]
	return w.err
}

// line takes the buffer back with one more line in it.
func (w *Writer) line(b []byte) {
	w.buf = append(b, '}', '\n')
	if len(w.buf) >= full {
		w.Flush()
	}
}

// head is what a transition line begins with. A segment that moves both ends has it written twice: a third of the lines
// of S begin as the line before.
type head struct {
	time           int64
	conn, packet   uint64
	client, server tcp.Endpoint
}

// Transition writes a transition line.
func (w *Writer) Transition(t *tracker.Transition) {
	if !w.events.Transition {
		return
	}
	b := w.buf
	if now := (head{t.Time, t.Conn, t.Packet, t.Client, t.Server}); now == w.head {
		b = append(b, w.begun...)
	} else {
		start := len(b)
		b = append(b, `{"event":"transition"`...)
		b = w.appendTime(b, `,"time":`, t.Time)
		b = appendUint(b, `,"conn":`, t.Conn)
		b = appendUint(b, `,"packet":`, t.Packet)
		b = appendAddress(b, `,"client":{"ip":"`, t.Client)
		b = appendAddress(b, `},"server":{"ip":"`, t.Server)
		w.head, w.begun = now, append(w.begun[:0], b[start:]...)
	}
	b = appendWord(b, `},"side":`, t.Side.String())
	b = appendUint(b, `,"stream":`, uint64(t.Stream))
	b = w.words.appendMove(b, t.From, t.To, t.Basis, t.Possible)
	if t.Deadline != 0 {
		b = w.appendTime(b, `,"deadline":`, t.Deadline)
	}
	w.line(appendWord(b, `,"why":`, t.Why))
}

// Connection writes the line of a connection that retires.
func (w *Writer) Connection(c *tracker.Connection) {
	if !w.events.Connection {
		return
	}
	b := append(w.buf, `{"event":"connection"`...)
	b = appendUint(b, `,"conn":`, c.Conn)
	b = append(b, `,"streams":[`...)
	for i, s := range c.Streams {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendDigits(b, uint64(s))
	}
	b = appendBool(b, `],"continued":`, c.Continued)
	b = appendBool(b, `,"evicted":`, c.Evicted)
	b = appendBool(b, `,"guessed":`, c.Guessed)
	b = append(tcp.AppendCommunityID(append(b, `,"community_id":"`...), c.Client.Endpoint, c.Server.Endpoint), '"')
	if c.Lossy {
		b = append(b, `,"lossy":true`...)
	}
	b = w.appendTime(b, `,"start":`, c.Start)
	b = w.appendTime(b, `,"end":`, c.Last)
	b = appendVLAN(b, c.VLAN)
	if c.Blamed {
		b = appendDecimal(b, `,"life_ms":`, c.Life, 6)
	}
	b = w.appendEnd(b, `,"client":{"ip":"`, &c.Client, c.Blamed)
	b = w.appendEnd(b, `,"server":{"ip":"`, &c.Server, c.Blamed)
	if c.Closed {
		b = appendWord(b, `,"closed_by":`, c.ClosedBy.String())
	}
	b = appendWord(b, `,"how":`, c.How.String())
	if len(c.Zeek) > 0 {
		// Where Zeek would have made several of it, the first: that is the one that its beginning finds in conn.log.
		b = appendWord(b, `,"conn_state":`, c.Zeek[0].State)
		b = append(c.Zeek[0].History.Append(append(b, `,"history":"`...)), '"')
		if len(c.Zeek) > 1 {
			b = w.appendZeek(b, c.Zeek)
		}
	}
	if c.Half {
		b = appendDecimal(b, `,"half_closed_ms":`, c.HalfClosed, 6)
	}
	b = appendStrings(b, `,"findings":`, c.Findings)
	w.line(appendFilter(b, c.Streams))
}

// appendZeek writes the rows of conn.log that Zeek would have made of one connection.
func (w *Writer) appendZeek(b []byte, rows []tracker.Zeek) []byte {
	b = append(b, `,"zeek":`...)
	sep := byte('[')
	for i := range rows {
		z := &rows[i]
		b = w.appendTime(append(b, sep), `{"start":`, z.Start)
		b = appendDecimal(b, `,"duration_s":`, z.Duration, 9)
		b = appendString(b, `,"orig":`, z.Orig.String())
		b = appendString(b, `,"conn_state":`, z.State)
		b = append(z.History.Append(append(b, `,"history":"`...)), '"')
		b = appendUint(b, `,"orig_packets":`, z.OrigEnd.Packets)
		b = appendUint(b, `,"resp_packets":`, z.RespEnd.Packets)
		b = appendUint(b, `,"orig_bytes":`, z.OrigEnd.Bytes)
		b = appendUint(b, `,"resp_bytes":`, z.RespEnd.Bytes)
		b = append(appendUint(b, `,"missed_bytes":`, z.Missed), '}')
		sep = ','
	}
	return append(b, ']')
}

// appendVLAN writes the VLAN identifiers, outer first, if there are any.
func appendVLAN(b []byte, ids [2]uint16) []byte {
	if ids[0] == 0 && ids[1] == 0 {
		return b
	}
	b = appendUint(b, `,"vlan":[`, uint64(ids[0]))
	if ids[1] != 0 {
		b = appendUint(b, `,`, uint64(ids[1]))
	}
	return append(b, ']')
}

// appendEnd writes what is known of one endpoint; key ends as appendAddress wants it.
func (w *Writer) appendEnd(b []byte, key string, e *tracker.End, blamed bool) []byte {
	b = appendAddress(b, key, e.Endpoint)
	b = w.words.appendEnd(b, e.State, e.Basis, e.Possible)
	if e.Deadline != 0 {
		b = w.appendTime(b, `,"deadline":`, e.Deadline)
	}
	b = appendUint(b, `,"packets":`, e.Packets)
	b = appendUint(b, `,"bytes":`, e.Bytes)
	b = appendUint(b, `,"payload_bytes":`, e.PayloadBytes)
	b = appendUint(b, `,"stream_bytes":`, e.StreamBytes)
	b = appendUint(b, `,"missed_bytes":`, e.MissedBytes)
	if e.Acked {
		b = appendUint(b, `,"unacked_bytes":`, e.UnackedBytes)
	}
	b = w.appendTroubles(b, e)
	if e.RTT.N > 0 {
		b = appendDecimal(b, `,"rtt_ms":{"min":`, e.RTT.Min, 6)
		b = appendDecimal(b, `,"mean":`, e.RTT.Mean, 6)
		b = appendDecimal(b, `,"max":`, e.RTT.Max, 6)
		b = append(b, '}')
	}
	b = appendAnalysis(b, &e.Analysis)
	if blamed {
		b = appendBlame(b, &e.Blame)
	}
	return append(b, '}')
}

// noTroubles is what appendTroubles writes of most.
const noTroubles = `,"retransmissions":0,"zero_windows":0,"zero_window_s":0,"probes":0,"keepalives":0,"bad_checksums":0`

// appendTroubles writes what there was of what nobody wants.
func (w *Writer) appendTroubles(b []byte, e *tracker.End) []byte {
	if e.Retransmissions|e.ZeroWindows|e.Probes|e.Keepalives|e.BadChecksums == 0 && e.ShutTotal|e.ShutSince == 0 {
		return append(b, noTroubles...)
	}
	b = appendUint(b, `,"retransmissions":`, e.Retransmissions)
	b = appendUint(b, `,"zero_windows":`, e.ZeroWindows)
	b = appendDecimal(b, `,"zero_window_s":`, e.ShutTotal, 9)
	if e.ShutSince != 0 {
		b = w.appendTime(b, `,"zero_window_since":`, e.ShutSince)
	}
	b = appendUint(b, `,"probes":`, e.Probes)
	b = appendUint(b, `,"keepalives":`, e.Keepalives)
	return appendUint(b, `,"bad_checksums":`, e.BadChecksums)
}

// appendAnalysis writes what Wireshark would mark, if there is anything, what is nothing left out.
func appendAnalysis(b []byte, counts *tracker.Analysis) []byte {
	if *counts == (tracker.Analysis{}) {
		return b
	}
	b = append(b, `,"analysis":{`...)
	for f, n := range counts {
		if n != 0 {
			b = append(append(append(b, '"'), tracker.AnalysisFlag(f).String()...), `":`...)
			b = append(appendDigits(b, uint64(n)), ',')
		}
	}
	b[len(b)-1] = '}'
	return b
}

// appendBlame writes where a direction's time went, what was nothing left out.
func appendBlame(b []byte, blame *tracker.Blame) []byte {
	b = append(b, `,"blame_ms":{`...)
	next := "\""
	for class, ns := range blame {
		if ns != 0 {
			b = append(append(append(b, next...), tracker.BlameClass(class).String()...), '"')
			b = appendDecimal(b, ":", ns, 6)
			next = ",\""
		}
	}
	return append(b, '}')
}

// appendFilter writes the Wireshark filter that shows the connection.
func appendFilter(b []byte, streams []uint32) []byte {
	for i, s := range streams {
		key := `,"wireshark":"tcp.stream eq `
		if i > 0 {
			key = " or tcp.stream eq "
		}
		b = appendUint(b, key, uint64(s))
	}
	if len(streams) > 0 {
		b = append(b, '"')
	}
	return b
}

// Summary writes the summary line.
func (w *Writer) Summary(s *output.Summary) {
	if !w.events.Summary {
		return
	}
	b := append(w.buf, `{"event":"summary"`...)
	b = appendUint(b, `,"schema":`, Schema)
	b = appendUint(b, `,"packets":`, s.Packets)
	b = appendUint(b, `,"tcp_segments":`, s.Segments)
	b = appendUint(b, `,"transitions":`, s.Tracker.Transitions)
	states := map[string]uint64{}
	for _, p := range s.States() {
		states[p.Client.String()+"/"+p.Server.String()] = p.Connections
	}
	b = appendCounts(b, `,"states":`, states)
	b = appendCounts(b, `,"skipped":`, s.Skipped)
	b = appendUint(b, `,"connections":`, s.Tracker.Connections)
	if s.Selected != nil {
		b = appendString(b, `,"selected":{"where":`, s.Selected.Where)
		b = append(appendUint(b, `,"connections":`, s.Selected.Connections), '}')
	}
	b = appendUint(b, `,"capture":{"received":`, s.Received)
	b = appendUint(b, `,"dropped":`, s.Dropped)
	b = appendUint(b, `},"evicted":`, s.Tracker.Evicted)
	b = appendUint(b, `,"duplicates":`, s.Tracker.Duplicates)
	b = appendUint(b, `,"bad_checksums":`, s.Tracker.BadChecksums)
	b = appendUint(b, `,"offloaded_checksums":`, s.Tracker.Offloaded)
	b = appendUint(b, `,"time_backwards":`, s.Tracker.TimeBackwards)
	b = appendUint(b, `,"streams_forgotten":`, s.Tracker.StreamsForgotten)
	b = appendCounts(b, `,"findings":`, s.Findings)
	b = appendUint(b, `,"findings_lost":`, s.FindingsLost)
	if k := s.Kernel; k != nil {
		b = appendUint(b, `,"kernel":{"scans":`, k.Scans)
		b = appendUint(b, `,"words":`, k.Words)
		b = appendUint(b, `,"compared":`, k.Compared)
		b = appendUint(b, `,"settled":`, k.Settled)
		b = appendUint(b, `,"differences":`, k.Differences)
		b = append(appendUint(b, `,"left_out":`, k.LeftOut), '}')
	}
	w.line(b)
}

// appendCounts writes a map, keys sorted.
func appendCounts[N uint64 | int](b []byte, key string, counts map[string]N) []byte {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(append(b, key...), '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, "", name), ':')
		b = appendDigits(b, uint64(counts[name]))
	}
	return append(b, '}')
}
