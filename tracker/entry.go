package tracker

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/reassembly"
)

// endFlags are what is known of one endpoint, a bit each.
type endFlags uint32

const (
	hasFIN     endFlags = 1 << iota // fin is known
	stalled                         // octets of it have been in flight, or its peer's window shut, for so long that a close may wait behind
	opener                          // it sent a SYN of its own: no listener with a queue
	hasISS                          // iss is known
	hasACK                          // ack and edge are known
	hasScale                        // its windows are scaled by scale
	unscaled                        // its scale is not known: the handshake was not seen
	gotFIN                          // proven: it has received its peer's FIN
	finACKs                         // its FIN segment acknowledged the peer's FIN
	probed                          // it has probed since its peer's window was shut
	offloads                        // its checksums are its network card's work
	goodSum                         // a good checksum of it was seen
	hasTS                           // tsRecent is known
	abortive                        // it sent a RST that was accepted
	doubted                         // a RST in its name was not accepted, and it has said nothing since
	synAgain                        // its SYN-ACK was repeated after the handshake's ACK had passed
	owned                           // it took data after its FIN: its owner has not closed wholly
	pushed                          // its latest octets ended a write (PSH)
	manyTTLs                        // its segments differ in TTL
	wildIDs                         // its IP IDs do not count up for this connection alone
	fixedID                         // several of its segments had the same IP ID
	baseless                        // where its octets begin is an assumption, and none was seen
	lingering                       // it lingers in CLOSE_WAIT, and that was told
	oddlyACKed                      // octets of it that were not seen were acknowledged: see rare.odd and rare.gone
	troubled                        // the blame line waits for its peer's next word
	windowShut                      // its receive window is too small to send into
)

// end is one endpoint. Times are capture nanoseconds. It fills four lines of the cache, of which every segment needs the
// first two, side by side; the order of the fields is that of need.
type end struct {
	snd      reassembly.Stream // the octets it has sent, SYN and FIN included, as seen at the tap
	ack      tcp.Seq           // highest acknowledgement it sent: its RCV.NXT is at least that; iff hasACK
	edge     tcp.Seq           // right edge of the receive window it announced; iff hasACK
	flags    endFlags
	win      uint32 // receive window it announced last, octets
	maxWin   uint32
	tsRecent uint32 // TSval of its latest segment in sequence: TS.Recent of its peer (RFC 7323 4.3); iff hasTS

	sentAt                  int64    // its latest segment
	flight                  int64    // since when something of it has been unacknowledged, 0 for nothing
	timedAt                 int64    // 0: no round trip is being measured
	timed                   tcp.Seq  // the round trip being measured ends with an acknowledgement of this
	timedLen                uint16   // octets of the segment timed
	barred                  eventSet // presumptions taken back for good: only proof moves it now
	packets, bytes, payload uint32   // what it has sent, but for what aside has
	tsAt                    uint32   // when tsRecent was taken, by pawsTime
	wait                    uint32   // what it waits for at its peer's shut window; 0: nothing
	ipID                    uint16
	mss                     uint16
	ttl                     uint8
	scale                   uint8
	unheard                 uint8 // probes and keepalives sent since its peer was last heard
	cause                   cause // of the latest change
	stand

	rtt       rtt
	iss       tcp.Seq  // initial sequence number; iff hasISS
	fin       tcp.Seq  // sequence number of its FIN; iff hasFIN
	calmAt    int64    // since when nothing of it has been in flight
	set       StateSet // the states that sure may be
	expired   StateSet // states into which a timer that no packet shows may have moved it
	weighed   weight   // what shown was made of
	ackedFrom tcp.Seq  // sequence number of the segment with which it first acknowledged the peer's FIN, iff gotFIN; in TIME-WAIT from an incarnation before, its RCV.NXT (and fin its SND.NXT)

	pendAt          [numDated]int64
	dueAt           int64   // deadline of est, 0 for none
	shown           claim   // as last told to the Sink
	synACK          tcp.Seq // what its SYN-ACK acknowledged
	retransmissions uint32
	aside           uint32 // the rest of it; 0: all of that is 0
}

// stand is where an endpoint stands.
type stand struct {
	pend eventSet // what passed the tap toward it and it has not shown to have received
	sure State    // proven
	est  State    // sure moved on by pend
}

// claim is what is said of an endpoint.
type claim struct {
	state    State
	basis    Basis
	possible StateSet
}

// connFlags are what is known of one connection, a bit each.
type connFlags uint16

const (
	guessed      connFlags = 1 << iota // who is the client is a guess
	late                               // its beginning was not seen
	continued                          // an earlier part of it was evicted
	evicted                            // it retires because the table is full
	armed                              // a flight timer runs
	again                              // the four-tuple had an incarnation before
	fastOpen                           // data on the SYN was acknowledged by the SYN-ACK
	followed                           // the Witness wants to hear of its end
	moves                              // and of each of its moves
	placed                             // its stream is known, and no segment but a SYN changes that
	serverClosed                       // who closed first, iff how is not HowOpen: the server
	asked                              // its first SYN is all that was seen
	timed                              // a linger timer runs
)

// conn is one incarnation of a four-tuple. It holds no pointer, so that the collector never looks at it. It fills ten lines
// of the cache, which come in pairs, and shares none: of the two before the ends every segment needs the first.
type conn struct {
	key    tcp.FlowKey
	num    uint64  // order of first packet, from 0
	latest uint64  // number of its latest packet; 0 once it is forgotten
	client tcp.Dir // which end is the client
	how    How
	flags  connFlags
	alarm  uint32 // place of its flight timer; iff armed

	first  uint64 // number of its first packet; 0 once it is forgotten
	start  int64
	retire int64  // when it retires, 0 for not yet
	odd    int64  // its latest packet that was not ordinary; see last
	blame  uint32 // where its time went; 0: nothing is known beyond a handshake
	zeek   uint32 // what Zeek would remember of it; 0: nothing
	mark   uint32 // the Witness' own
	vlan   [2]uint16
	numbered

	ends [2]end // in the key's order
}

// last is when its latest packet came.
func (c *conn) last() int64 { return max(c.odd, c.ends[0].sentAt, c.ends[1].sentAt) }

// closer is who closed first; iff how is not HowOpen.
func (c *conn) closer() Side {
	if c.flags&serverClosed != 0 {
		return Server
	}
	return Client
}

// closed notes who closed first, and how.
func (c *conn) closed(by Side, how How) {
	c.how = how
	c.flags &^= serverClosed
	if by == Server {
		c.flags |= serverClosed
	}
}

// pair is the sender and the receiver of a segment. The mask saves asking whether d is one of two.
func (c *conn) pair(d tcp.Dir) (snd, rcv *end) { return &c.ends[d&1], &c.ends[d&1^1] }

func (c *conn) side(d tcp.Dir) Side {
	if d == c.client {
		return Client
	}
	return Server
}

// has says that all of the flags are set.
func (e *end) has(f endFlags) bool { return e.flags&f == f }

// inFlight is how much of what it sent its peer has not acknowledged.
func (e *end) inFlight() int { return e.snd.Next().Sub(e.snd.Una()) }

// eventSet is a set of events.
type eventSet uint16

func (s eventSet) has(e event) bool { return s&(1<<e) != 0 }

// presumable lists the events that an endpoint may be presumed to have received, in the order in which they act.
// The FIN comes after the acknowledgement of its receiver's own FIN: both orders lead to the same state.
var presumable = [...]event{rcvSYN, rcvSYNACK, rcvACKofSYN, rcvACKofFIN, rcvFIN, rcvRST}

const (
	numPresumed = len(presumable)
	numDated    = numPresumed - 1 // nobody asks since when a SYN is presumed to have arrived
)

// slot is the place of a presumable event in a set of them, and of the time of all but rcvSYN, one further, in pendAt.
func slot(on event) int { return int(on - rcvSYN) }

// presumedAt is since when an event is presumed, which is not rcvSYN.
func (e *end) presumedAt(on event) *int64 { return &e.pendAt[slot(on)-1] }

// presume notes that an event passed the tap toward the endpoint.
func (e *end) presume(on event, now int64) {
	if e.barred.has(on) {
		return
	}
	if e.pend.has(on) {
		return
	}
	e.presumeAnew(on, now)
}

// presumeAnew is presume for what may be presumed again with each segment that says it.
func (e *end) presumeAnew(on event, now int64) {
	e.pend |= 1 << on
	if on != rcvSYN {
		*e.presumedAt(on) = now
	}
	e.cause = causePresumed + cause(on)
}

// retract takes a presumption back.
func (e *end) retract(on event) {
	if e.pend.has(on) {
		e.pend &^= 1 << on
		e.cause = causeRetracted + cause(on)
	}
}

// prove moves the endpoint by an event that it has shown to have done or received.
func (e *end) prove(on event) {
	e.sure = figure5.next[on][e.sure]
	e.set = figure5.move(e.set, on).With(e.sure)
	e.pend &^= 1 << on
	e.cause = causeProven + cause(on)
}

// fold moves a state on by what is presumed.
func (e *end) fold(s State) State {
	return figure5.fold[e.pend>>rcvSYN][s]
}

func (e *end) foldSet(set StateSet) StateSet { return e.pend.foldSet(set) }

func (pend eventSet) foldSet(set StateSet) StateSet {
	if pend == 0 {
		return set
	}
	return each(set, &figure5.fold[pend>>rcvSYN])
}

// rtt gathers round trips, in nanoseconds.
type rtt struct {
	min, max, sum int64
	n             uint32
	through       uint16 // the most octets of one segment that was timed and acknowledged
}

func (r *rtt) add(d int64) {
	if r.n == 0 || d < r.min {
		r.min = d
	}
	r.max = max(r.max, d)
	r.sum += d
	r.n++
}

func (r *rtt) report() RTT {
	if r.n == 0 {
		return RTT{}
	}
	return RTT{N: uint64(r.n), Min: r.min, Mean: r.sum / int64(r.n), Max: r.max}
}
