package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// View shows a connection to a Witness. It is valid until the Witness returns.
type View struct {
	t *Tracker
	n uint32
	c *conn
}

// Hold keeps a connection to look at later, when it may be gone.
type Hold struct {
	t   *Tracker
	n   uint32
	num uint64
}

// Hold keeps the connection beyond the Witness' return.
func (v View) Hold() Hold { return Hold{v.t, v.n, v.c.num} }

// View shows the connection as it is now, false if it has retired.
func (h Hold) View() (View, bool) {
	if h.n == 0 {
		return View{}, false // a stub, made whole for a moment
	}
	c := h.t.conns.at(h.n)
	return View{h.t, h.n, c}, c.num == h.num && c.first != 0
}

// Look shows the connection between two endpoints as it is now, false if none is followed. The View is valid until the
// Tracker is called again.
func (t *Tracker) Look(a, b tcp.Endpoint) (View, bool) {
	key, _ := tcp.MakeFlow(a.Addr, b.Addr, a.Port, b.Port, a.V6)
	switch n := t.find(aim{hash: t.index.hash(&key)}, &key); {
	case n == 0:
		return View{}, false
	case n&stubBit != 0:
		return View{t, 0, t.once(t.stubs.at(n))}, true
	default:
		return View{t, n, t.conns.at(n)}, true
	}
}

// Follow asks for the connection's Ended.
func (v View) Follow() { v.c.flags |= followed }

// FollowMoves asks for its Ended and for each Moved until then.
func (v View) FollowMoves() { v.c.flags |= followed | moves }

// Mark is what SetMark has left, 0 for nothing: the Witness keeps its own of the connection under it.
func (v View) Mark() uint32 { return v.c.mark }

// SetMark leaves a mark for as long as the connection lives; one of which a single SYN was seen may forget it.
func (v View) SetMark(m uint32) { v.c.mark = m }

// Num is the connection's number in order of first packet, from 0.
func (v View) Num() uint64 { return v.c.num }

// Stream is the number of Wireshark's tcp.stream that the latest segment belongs to.
func (v View) Stream() uint32 { return v.c.stream }

// Start is the time of its first packet, Last of its latest.
func (v View) Start() int64 { return v.c.start }

// Last is the time of its latest packet.
func (v View) Last() int64 { return v.c.last() }

// First is the number of its first packet, which no other connection has.
func (v View) First() uint64 { return v.c.first }

// Part is the part of all flows that its flow is in.
func (v View) Part() int { return Part(&v.c.key) }

// Packet is the number of its latest packet.
func (v View) Packet() uint64 { return v.c.latest }

// Late says that its beginning was not seen.
func (v View) Late() bool { return v.c.flags&late != 0 }

// Connection fills l with all that its line would tell if it retired now; Findings are left empty. What l held is
// overwritten, its slices are used again.
func (v View) Connection(l *Connection) { v.t.describe(l, v.n, v.c, false) }

// Endpoints returns client and server.
func (v View) Endpoints() (client, server tcp.Endpoint) {
	a, b := v.c.key.Ends()
	if v.c.client == tcp.FromB {
		a, b = b, a
	}
	return a, b
}

// How is the way it ended so far, and By who closed first, by FIN or RST; meaningful iff How is not HowOpen.
func (v View) How() (how How, by Side) { return v.c.how, v.c.closer() }

// End shows one end.
func (v View) End(s Side) EndView {
	d := v.c.client
	if s == Server {
		d = d.Other()
	}
	return EndView{v.t, v.c, &v.c.ends[d], &v.c.ends[d.Other()]}
}

// EndView shows one endpoint to a Witness. Times are capture nanoseconds, sizes octets.
type EndView struct {
	t       *Tracker
	c       *conn
	e, peer *end
}

// State is the estimate.
func (v EndView) State() State { return v.e.est }

// Sure is the state that its own segments prove.
func (v EndView) Sure() State { return v.e.sure }

// Possible is every state that the evidence allows, as last told.
func (v EndView) Possible() StateSet { return v.e.shown.possible }

// Seen says that it sent anything.
func (v EndView) Seen() bool { return v.e.packets > 0 }

// Near says that the capture was taken at this end, as far as round trips tell.
func (v EndView) Near() bool { return v.t.near(v.c, v.e) }

// Delay is the round trip between tap and this end, with allowance; 100 ms where none was measured.
func (v EndView) Delay() int64 { return v.t.delay(v.c, v.e) }

// Packets is how many segments it sent, Retransmissions how many of them carried nothing new.
func (v EndView) Packets() uint64 { return v.t.packetsOf(v.e) }

// Bytes is their IP lengths.
func (v EndView) Bytes() uint64 { return v.t.bytesOf(v.e) }

// Retransmissions counts its segments that carried nothing new, SYNs among them.
func (v EndView) Retransmissions() uint64 {
	return uint64(v.e.retransmissions) + uint64(v.t.aside(v.e).synRTX)
}

// SYNRepeats counts its repeated SYNs or SYN-ACKs.
func (v EndView) SYNRepeats() int { return int(v.t.aside(v.e).synRTX) }

// FINRepeats counts its repeated FINs.
func (v EndView) FINRepeats() int { return int(v.t.aside(v.e).finAgain) }

// Probes counts its zero-window probes, Keepalives its keepalives.
func (v EndView) Probes() int { return int(v.t.aside(v.e).probes) }

// Keepalives counts its keepalives.
func (v EndView) Keepalives() int { return int(v.t.aside(v.e).keepalives) }

// Unheard counts the probes and keepalives that it sent since its peer was last heard.
func (v EndView) Unheard() int { return int(v.e.unheard) }

// SentAt is when it was last heard, 0 for never.
func (v EndView) SentAt() int64 { return v.e.sentAt }

// InFlight is what it sent and its peer has not acknowledged.
func (v EndView) InFlight() int { return max(v.e.inFlight(), 0) }

// Una is the highest acknowledgement that it was given, Next one past the highest octet that it was seen to send.
func (v EndView) Una() tcp.Seq { return v.e.snd.Una() }

// Next is one past the highest sequence number that it was seen to send or that its peer acknowledged.
func (v EndView) Next() tcp.Seq { return v.e.snd.Next() }

// HasFIN says that its FIN was seen, FINAcked that an acknowledgement of it was.
func (v EndView) HasFIN() bool { return v.e.has(hasFIN) }

// FINAcked says that its peer has acknowledged its FIN.
func (v EndView) FINAcked() bool { return v.e.has(hasFIN) && v.e.snd.Una().After(v.e.fin) }

// TookFIN says that it has acknowledged its peer's FIN.
func (v EndView) TookFIN() bool { return v.e.has(gotFIN) }

// WroteOn says that it sent octets after it had acknowledged its peer's FIN.
func (v EndView) WroteOn() bool {
	end := v.e.snd.Next()
	if v.e.has(hasFIN) && end.After(v.e.fin) {
		end = v.e.fin
	}
	return v.e.has(gotFIN) && end.After(v.e.ackedFrom)
}

// Behind is by how many ticks a segment's timestamp is behind the latest that its receiver took from it, below 0 if it is
// later; false where there are none.
func (v EndView) Behind(s *tcp.Segment) (ticks int32, ok bool) {
	return int32(v.e.tsRecent - s.Options.TSVal), v.e.has(hasTS) && s.Options.Has&tcp.HasTS != 0
}

// Window is what it announced last, ShutSince since when that has been too small to send into; 0: it is not.
func (v EndView) Window() int { return int(v.e.win) }

// ShutSince is since when its window has been shut, 0 if it is open.
func (v EndView) ShutSince() int64 { return v.t.aside(v.e).shutAt }

// MSS is what its SYN announced, 536 where none was seen (RFC 9293 3.7.1).
func (v EndView) MSS() int {
	if v.e.mss == 0 {
		return 536
	}
	return int(v.e.mss)
}

// StreamBytes is what it sent, each octet once; MissedBytes what its peer acknowledged and nobody captured.
func (v EndView) StreamBytes() uint64 { return v.e.streamBytes() }

// MissedBytes is what its peer acknowledged and the capture does not hold.
func (v EndView) MissedBytes() uint64 { return v.e.snd.Missed() }

// TTL and IPID are those of its latest segment before the one told of.
func (v EndView) TTL() uint8 { return v.e.ttl }

// IPID is the IP identification of its latest segment before the one told of.
func (v EndView) IPID() uint16 { return v.e.ipID }

// Through is the most octets in one segment of it that were timed and acknowledged: segments of that size get through.
func (v EndView) Through() int { return int(v.e.rtt.through) }

// Acks says that it acknowledged anything: its peer has sent.
func (v EndView) Acks() bool { return v.e.has(hasACK) }

// Opened says that its SYN or SYN-ACK was seen.
func (v EndView) Opened() bool { return v.e.has(hasISS) && !v.e.has(unscaled) }

// Sacks says that it holds octets above those that it acknowledged.
func (v EndView) Sacks() bool { return v.t.sacked(v.e) }

// FlightSince is since when something of it has been unacknowledged, 0 for nothing.
func (v EndView) FlightSince() int64 { return v.e.flight }

// LingersSince is since when nothing has kept it from closing after its peer; meaningful after Lingers.
func (v EndView) LingersSince() int64 { return v.t.lingersSince(v.e) }

// Missing is how many octets below Next the tap has not seen.
func (v EndView) Missing() int { return v.e.snd.Next().Sub(v.e.snd.Contiguous(v.t.holes)) }

// Contiguous is the first octet that the tap has not seen.
func (v EndView) Contiguous() tcp.Seq { return v.e.snd.Contiguous(v.t.holes) }
