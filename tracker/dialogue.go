package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// dialogue is what Wireshark knows of a stream: of each direction its latest segment and how far its numbers have come.
// Nothing is validated: a forged segment counts as any other. Numbers are compared as Wireshark 4.0 does, to which 0
// means not known. It fills two lines of the cache.
type dialogue struct {
	numbered
	said    [2]utterance // in the key's order
	syn     int64        // time of the latest SYN without ACK, 0 for none; once timed, from there to the first segment with ACK and without SYN
	tally   uint32       // of the connection, 0 for none
	begun   bool
	timed   bool // the handshake's round trip is known
	synData bool // the latest SYN without ACK carried data
}

// utterance is what one end has said in a dialogue.
type utterance struct {
	next      tcp.Seq // the highest sequence number seen, plus one
	ackable   tcp.Seq // as far as everything was seen: what the peer may acknowledge
	ack       tcp.Seq // of its latest segment, as next and window are
	window    int32   // not scaled; -1 before the first
	ackAt     int64   // time of its latest segment
	nextAt    int64   // time of the segment that set next
	dupACKs   int32   // duplicate ACKs in a row, or lossTold
	marks     analysisSet
	synACK    tcp.Seq // sequence number of its first SYN-ACK, where that was not marked
	scale     int8    // of its window, or one of the following
	answered  bool    // it has sent a SYN-ACK
	asFirst   bool    // synACK is known
	unshifted bool    // its windows are not yet scaled: it has sent a SYN and no other ACK
}

// lossTold stands where its peer has acknowledged what of it was not seen, and that was marked. To Wireshark it is more
// than any number.
const lossTold = -1

const (
	scaleUnknown = -1 // no SYN was seen
	scaleNone    = -2 // a SYN without the option
)

// fastest is how soon after a duplicate ACK a segment is a fast retransmission; reordered is how late a segment is out
// of order and not a retransmission, where the round trip is not known. Both as in Wireshark.
const (
	fastest   = 20 * millisecond
	reordered = 3 * millisecond
)

func newDialogue(stream uint32) dialogue {
	u := utterance{window: -1, scale: scaleUnknown}
	return dialogue{said: [2]utterance{u, u}, numbered: numbered{stream: stream}, begun: true}
}

// hear takes in the dialogue's next segment and says what Wireshark marks it with. reused: it is the dialogue's first,
// and its four-tuple had another before.
func (d *dialogue) hear(s *tcp.Segment, reused bool) analysisSet {
	if s.Sum == tcp.SumNever {
		return 0
	}
	snd, rcv := &d.said[s.Dir], &d.said[s.Dir.Other()]
	v := snd.opens(s, reused || s.Flags&(tcp.SYN|tcp.ACK) == tcp.SYN|tcp.ACK && d.known&(1<<s.Dir) != 0 && d.base[s.Dir] != s.Seq)
	d.learn(s)
	v |= snd.announces(rcv, s)
	v |= snd.acknowledges(rcv, s, v.has(DuplicateACK))
	if s.SegLen() > 0 && !v.has(KeepAlive) {
		v |= d.repeats(snd, rcv, s)
	}
	snd.advances(s, v.has(ZeroWindowProbe))
	snd.marks = v
	d.times(snd, s)
	snd.scales(rcv, s)
	return v | d.fastOpen(s)
}

// opens tests a SYN. odd: its sequence number is not what its ports had before.
func (u *utterance) opens(s *tcp.Segment, odd bool) analysisSet {
	switch s.Flags & (tcp.SYN | tcp.ACK) {
	case tcp.SYN:
		u.next = u.ackable // a RST may have set it to what its peer acknowledged
	case tcp.SYN | tcp.ACK:
		if !u.answered {
			u.answered, u.asFirst, u.synACK = true, !odd, s.Seq
		}
	}
	if odd {
		return 1 << ReusedPorts
	}
	return 0
}

// reopened says that its first SYN-ACK has another sequence number than its latest: Wireshark marks the first when it
// shows it, because it then knows of the latest.
func (u *utterance) reopened(latest tcp.Seq) bool { return u.asFirst && u.synACK != latest }

// plainly says that the segment has none of SYN, FIN and RST.
func plainly(s *tcp.Segment) bool { return s.Flags&(tcp.SYN|tcp.FIN|tcp.RST) == 0 }

// announces tests what a segment says by its window and where it stands, apart from what it repeats.
func (snd *utterance) announces(rcv *utterance, s *tcp.Segment) (v analysisSet) {
	if s.Len == 1 && s.Seq == snd.next && rcv.window == 0 {
		return 1 << ZeroWindowProbe
	}
	window := int32(s.Window)
	if snd.next != 0 && s.Seq.After(snd.next) && s.Flags&tcp.RST == 0 {
		v |= 1 << LostSegment
	}
	if !plainly(s) {
		return v
	}
	if window == 0 {
		v |= 1 << ZeroWindow
	}
	if s.Len <= 1 && s.Seq == snd.next.Add(-1) {
		v |= 1 << KeepAlive
	}
	if s.Len > 0 {
		if rcv.scale != scaleUnknown && s.Seq.Add(s.Len) == rcv.edge() {
			v |= 1 << WindowFull
		}
		return v
	}
	if s.Seq != snd.next || s.Ack != snd.ack {
		return v
	}
	switch {
	case window != snd.window && window != 0:
		v |= 1 << WindowUpdate
	case window != snd.window:
	case window != 0 && rcv.marks.has(KeepAlive):
		v |= 1 << KeepAliveACK
	case window != 0:
		v |= 1 << DuplicateACK
	case rcv.marks.has(ZeroWindowProbe):
		v |= 1 << ZeroWindowProbeACK
	}
	return v
}

// edge is the right edge of the window that it announced last.
func (u *utterance) edge() tcp.Seq {
	shift := uint8(0)
	if u.scale > 0 && !u.unshifted {
		shift = uint8(u.scale)
	}
	return u.ack + tcp.Seq(uint32(u.window)<<shift)
}

// acknowledges tests whether a segment acknowledges what was not seen, and counts ACKs that say the same again.
func (snd *utterance) acknowledges(rcv *utterance, s *tcp.Segment, dup bool) analysisSet {
	switch {
	case s.Ack != snd.ack:
		snd.dupACKs = 0
	case dup:
		snd.dupACKs = max(snd.dupACKs, 0) + 1
	}
	if s.Flags&tcp.ACK == 0 || rcv.ackable == 0 || !s.Ack.After(rcv.ackable) {
		return 0
	}
	if rcv.ackable.Before(rcv.next) {
		rcv.ackable = rcv.next
		return 1 << ACKLostSegment
	}
	told := rcv.dupACKs != 0
	rcv.dupACKs = lossTold
	if told {
		return 0
	}
	return 1 << ACKLostSegment
}

// repeats tests whether a segment that carries anything, a keepalive apart, brings nothing new.
func (d *dialogue) repeats(snd, rcv *utterance, s *tcp.Segment) analysisSet {
	if s.Len > 0 && rcv.ack != 0 && !s.Seq.Add(s.Len).After(rcv.ack) {
		return 1<<Retransmission | 1<<SpuriousRetransmission
	}
	if snd.next == 0 || !s.Seq.Before(snd.next) || s.Len > 1 && s.Seq == snd.next.Add(-1) { // that may have been a probe's octet
		return 0
	}
	if (rcv.dupACKs >= 2 || rcv.dupACKs == lossTold) && rcv.ack == s.Seq && within(s.Time-rcv.ackAt, fastest) {
		return 1<<Retransmission | 1<<FastRetransmission
	}
	late := int64(reordered)
	if d.timed {
		late = d.syn
	}
	if within(s.Time-snd.nextAt, late) && ending(s) != snd.next {
		return 1 << OutOfOrder
	}
	return 1 << Retransmission
}

// within says that a time that did not run back is shorter than another.
func within(d, than int64) bool { return uint64(d) < uint64(than) }

// ending is the sequence number behind a segment: Wireshark takes SYN and FIN together for one.
func ending(s *tcp.Segment) tcp.Seq {
	if s.Flags&(tcp.SYN|tcp.FIN) != 0 {
		return s.Seq.Add(s.Len + 1)
	}
	return s.Seq.Add(s.Len)
}

// advances notes how far a segment brings its sender.
func (u *utterance) advances(s *tcp.Segment, probe bool) {
	end := ending(s)
	if !probe {
		if u.next == 0 || end.After(u.next) {
			u.next, u.nextAt = end, s.Time
		}
		if u.ackable == 0 || s.Seq == u.ackable {
			u.ackable = u.next
		}
	}
	u.window, u.ack, u.ackAt = int32(s.Window), s.Ack, s.Time
}

// times measures the handshake's round trip.
func (d *dialogue) times(snd *utterance, s *tcp.Segment) {
	switch s.Flags & (tcp.SYN | tcp.ACK) {
	case tcp.SYN:
		if !d.timed {
			d.syn = s.Time
		}
	case tcp.ACK:
		if took := s.Time - d.syn; d.syn != 0 && !d.timed && took != 0 {
			d.syn, d.timed = took, true
		}
		snd.unshifted = false
	}
}

// scales learns how windows are scaled. A SYN without the option says so for both ends.
func (snd *utterance) scales(rcv *utterance, s *tcp.Segment) {
	if s.Options.Has&tcp.HasWScale != 0 {
		snd.scale = int8(min(s.Options.WScale, 14))
	}
	if s.Flags&tcp.SYN == 0 {
		return
	}
	snd.unshifted = true
	if snd.scale == scaleUnknown {
		snd.scale, rcv.scale = scaleNone, scaleNone
	} else if s.Flags&tcp.ACK != 0 && rcv.scale == scaleNone {
		snd.scale = scaleNone
	}
}

// fastOpen tests a SYN for Fast Open (RFC 7413): its cookie, and whether the data that it carried was taken.
func (d *dialogue) fastOpen(s *tcp.Segment) analysisSet {
	switch s.Flags & (tcp.SYN | tcp.ACK) {
	case tcp.SYN:
		d.synData = s.Len > 0
		if s.Options.Has&tcp.HasFastOpen != 0 && s.Options.Cookie > 0 {
			return 1 << FastOpenSYN
		}
	case tcp.SYN | tcp.ACK:
		if s.Ack-d.base[s.Dir.Other()] > 1 {
			return 1 << FastOpenACK
		}
		if d.synData {
			return 1 << FastOpenIgnored
		}
	}
	return 0
}
