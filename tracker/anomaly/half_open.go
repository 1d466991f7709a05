package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// HalfOpen finds connections that one end has forgotten.
var HalfOpen = Rule{
	Code:      "half-open",
	Title:     "one end does not know the connection any more",
	Severity:  Warning,
	Culprits:  "the host that forgot",
	Evidence:  "data, a FIN, a probe or a challenge ACK answered by the RST of a host without that connection (no ACK, window 0, IP ID 0), and no close of that host was seen, or its RST was evidently lost",
	Threshold: "one RST is enough, from a host that has said nothing for 1 s, five times Linux' least RTO: one that spoke a moment ago has closed, and its FIN or RST was lost",
	Cause:     "the host was restarted, its process died while the path was down, its RST was lost, or an address moved to another machine (failover, container, NAT); the peer learned it only when it spoke",
	Remedy:    "on the other host shorten the time until it is noticed: keepalives (net.ipv4.tcp_keepalive_time, or SO_KEEPALIVE with TCP_KEEPIDLE) below the idle time, TCP_USER_TIMEOUT; on the forgetful host look at uptime, at restarts and at what drops its RSTs",
	NotWhen:   "data to an end that has closed (data-after-close); a close behind a shut window (fin-wait1-zero-window); data that crosses a RST",
	RFC:       "9293 3.5.1",
	Absence:   true,
	Wakes:     tracker.Reset | tracker.Challenged | tracker.Revived | tracker.Ended,
	Resets:    readAborted | readNothing | readReply | readForgotten,
	New:       func(Limits) Judge { return &halfOpen{challenged: map[uint64]tracker.Side{}} },
}

type halfOpen struct {
	challenged map[uint64]tracker.Side // connections in whose middle a SYN came in that side's name
	aborts     []abort                 // maxKept of them, in pairs
}

// abort is a RST that was to end a connection. The connection is soon gone from the table; that the RST was lost shows
// when the other speaks, perhaps hours later. It has two places, and takes the one of the older.
type abort struct {
	who uint64 // a hash of who sent it, to whom; what has the same is taken for it
	at  int64
}

// places are the two of the RST's sender and its receiver.
func (h *halfOpen) places(f *tracker.Fact) (two []abort, who uint64) {
	from, to := f.Conn.Endpoints()
	if f.Side == tracker.Server {
		from, to = to, from
	}
	who = mix(from.Addr, mix(to.Addr, uint64(from.Port)<<16|uint64(to.Port)))
	// Flows of one part share their places, with no others: whoever judges the part alone remembers as much.
	const some = maxKept / tracker.Parts
	i := uint64(f.Conn.Part())*some + who%(some/2)*2
	return h.aborts[i : i+2], who
}

func (h *halfOpen) remember(f *tracker.Fact) {
	if h.aborts == nil {
		h.aborts = make([]abort, maxKept)
	}
	two, who := h.places(f)
	p := &two[0]
	if p.who != who && (two[1].who == who || two[1].at < p.at) {
		p = &two[1]
	}
	*p = abort{who, f.Time}
}

// aborted is when the RST's sender had last sent another to end a connection with the same addresses and ports, 0 for
// never.
func (h *halfOpen) aborted(f *tracker.Fact) int64 {
	if h.aborts == nil {
		return 0
	}
	two, who := h.places(f)
	for _, p := range two {
		if p.who == who {
			return p.at
		}
	}
	return 0
}

// outlived says that a RST of an earlier life of the connection was lost: it answers what is picked up in its middle,
// and that life was ended by that side a while ago.
func (h *halfOpen) outlived(f *tracker.Fact) bool {
	if !f.Taken || f.Shape != tracker.ShapeReply || !f.Conn.Late() || f.Conn.End(f.Side).Packets() > 1 {
		return false
	}
	at := h.aborted(f)
	return at != 0 && f.Time-at > quiet
}

// maxKept bounds the connections that a judge remembers.
const maxKept = 1 << 16

func (h *halfOpen) Fact(b *Bench, f *tracker.Fact) {
	num := f.Conn.Num()
	switch f.Kind {
	case tracker.Challenged:
		if b.room(len(h.challenged), maxKept) {
			h.challenged[num] = f.Side
			b.Follow(f.Conn)
		}
		return
	case tracker.Revived:
		withdraw(b, num, f.Side)
		return
	case tracker.Ended:
		delete(h.challenged, num)
		return
	}
	what, before := "what it was sent", f.Conn.End(f.Side).SentAt()
	switch b.reading {
	case readAborted:
		h.remember(f)
		return
	case readNothing:
		if !h.outlived(f) {
			return
		}
		before = h.aborted(f)
	case readReply:
		if side, ok := h.challenged[num]; !ok || side != f.Side {
			return
		}
		what = "the answer to a new SYN of its own"
	case readForgotten:
	}
	if b.Standing(num, f.Side) != nil || b.Standing(num, f.Side.Other()) != nil {
		return
	}
	peer := f.Conn.End(f.Side.Other())
	if n := unacked(peer); n > 0 {
		what = count(n, "octet")
	} else if peer.InFlight() > 0 {
		what = "the FIN"
	} else if n := peer.Unheard(); n > 0 {
		what = count(n, "probe")
	}
	x := b.Raise(CaseOf(f.Conn), f.Side)
	x.Culprit = Host(f.Side)
	x.Add(f.Packet)
	if b.Speaks() {
		x.Summary = fmt.Sprintf("the %s's host answers %s of the %s with the RST of a host that does not know the connection; the %s is in %v, and the host had last been heard %s before",
			f.Side, what, f.Side.Other(), f.Side.Other(), peer.State(), seconds(f.Time-before))
	}
	b.Tell(x)
}

func (*halfOpen) Wake(*Bench, Alarm) {}
