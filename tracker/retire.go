package tracker

import (
	"math"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// retire writes the connection's line and forgets it; over says that it ended by itself.
func (t *Tracker) retire(n uint32, c *conn, over bool) {
	t.tellEnd(n, c, over)
	t.index.remove(t.index.hash(&c.key), n)
	for d := range c.ends {
		c.ends[d].snd.Release(t.holes)
		t.endWait(&c.ends[d])
		t.endAside(&c.ends[d])
	}
	t.rare.forget(n, c)
	t.hears(c)
	t.unzeek(c)
	t.unbrief(n)
	t.streams.retire(n, c)
	c.first, c.latest = 0, 0
	t.conns.give(n)
}

func (t *Tracker) tellEnd(n uint32, c *conn, over bool) {
	if c.flags&followed != 0 && t.wants(Ended) {
		t.witness(n, c, &c.ends[c.client], &Fact{Kind: Ended, Over: over, Evicted: c.flags&evicted != 0})
	}
	t.report(n, c, over)
}

// Close retires all connections, in order of their numbers: the end of the input.
func (t *Tracker) Close() {
	t.streams.over = true
	left := t.inOrder()
	stub := t.stubs.first
	if !t.cfg.Connections {
		t.stats.States[SynSent][Closed] += uint64(t.stubs.len())
		stub = 0
	}
	stubsBefore := func(num uint64) {
		for stub != 0 && t.stubs.arena.at(stub).num < num {
			u := t.stubs.arena.at(stub)
			t.tellStub(u, 0)
			stub = u.newer
		}
	}
	for i, l := range left {
		t.fetchLiving(left, i)
		c := t.conns.at(l.n)
		stubsBefore(l.num)
		t.giveUp(l.n, c)
		t.tellEnd(l.n, c, false)
	}
	stubsBefore(math.MaxUint64)
	t.empty()
}

// finRetries is how often a FIN is repeated before its host may have given it up: Linux' orphans do so after eight.
const finRetries = 7

// giveUp widens, at the end of the input, what is possible of ends that may have given up since they were last heard:
// no packet tells when an orphan dies.
func (t *Tracker) giveUp(n uint32, c *conn) {
	for d := range c.ends {
		e, peer := &c.ends[d], &c.ends[1-d]
		open := e.est != Closed && e.est != TimeWait
		if w := t.waitOf(e); w != nil && w.heard != 0 && t.now-w.heard < wordHolds {
			continue // the kernel has just said that it is there
		}
		if open && (t.aside(e).finAgain >= finRetries || peer.has(windowShut) && e.has(probed)) {
			e.expired, e.cause = e.expired.With(Closed), causeGivenUp
		}
	}
	t.settle(n, c)
}

// report tells the Sink of a connection that retires.
func (t *Tracker) report(n uint32, c *conn, over bool) {
	cl, sv := &c.ends[c.client], &c.ends[c.client.Other()]
	t.stats.States[cl.est][sv.est]++
	if t.cfg.Sink == nil || !t.cfg.Connections {
		return
	}
	t.describe(&t.line, n, c, over)
	if c.blame != 0 {
		t.blames.give(c.blame)
		c.blame = 0
	}
	t.cfg.Sink.Connection(&t.line)
}

// describe fills a line with a connection as it stands.
func (t *Tracker) describe(l *Connection, n uint32, c *conn, over bool) {
	cl, sv := &c.ends[c.client], &c.ends[c.client.Other()]
	a, b := c.key.Ends()
	if c.client == tcp.FromB {
		a, b = b, a
	}
	*l = Connection{
		Conn: c.num, Findings: l.Findings[:0], Zeek: t.zeekRows(l.Zeek[:0], n, c), Streams: t.streams.list(l.Streams[:0], n, c), Start: c.start, Last: c.last(), Now: t.now, First: c.first,
		Continued: c.flags&continued != 0, Evicted: c.flags&evicted != 0, Guessed: c.flags&guessed != 0, Lossy: t.losses.since(c.start),
		ClosedBy: c.closer(), Closed: c.how != HowOpen, How: c.outcome(), VLAN: c.vlan,
	}
	t.end(&l.Client, cl, a)
	t.end(&l.Server, sv, b)
	if t.analyses.on && n != 0 && t.briefs.has(n) {
		t.analyses.counted(t.briefs.at(n), c, l)
	}
	l.Client.Acked, l.Server.Acked = sv.has(hasACK), cl.has(hasACK)
	if t.cfg.Blame {
		t.blame(c, l, over)
	}
}

// outcome is how the connection ended as its users see it.
func (c *conn) outcome() How {
	cl, sv := &c.ends[c.client], &c.ends[c.client.Other()]
	switch {
	case c.how == HowFIN && !(cl.has(hasFIN) && sv.has(hasFIN)):
		return HowHalf
	case c.how == HowOpen && c.flags&late == 0 && (cl.est == SynSent || sv.est == SynRecv || sv.est == Closed):
		return HowUnopened
	}
	return c.how
}

func (t *Tracker) end(to *End, e *end, at tcp.Endpoint) {
	a := t.aside(e)
	*to = End{
		Endpoint: at, State: e.est, Basis: e.shown.basis, Possible: e.shown.possible, Deadline: e.dueAt,
		Packets: t.packetsOf(e), Bytes: t.bytesOf(e), PayloadBytes: a.payload + uint64(e.payload),
		StreamBytes: e.streamBytes(), MissedBytes: e.snd.Missed(),
		Retransmissions: uint64(e.retransmissions) + uint64(a.synRTX), ZeroWindows: uint64(a.zeroWindows), Probes: uint64(a.probes),
		Keepalives: uint64(a.keepalives), BadChecksums: uint64(a.badSums), RTT: e.rtt.report(),
		ShutSince: a.shutAt, ShutTotal: a.shutSum,
	}
	to.UnackedBytes = e.unackedBytes()
	if e.has(windowShut) {
		to.ShutTotal += t.now - a.shutAt
	}
}

// streamBytes is the octets of data it sent, each sequence number once.
func (e *end) streamBytes() uint64 {
	n := e.snd.Unique()
	if e.has(hasISS) && !e.has(unscaled) && n > 0 {
		n--
	}
	if e.has(hasFIN) && n > 0 {
		n--
	}
	return n
}

// unackedBytes is the octets of data it sent that its peer has not acknowledged.
func (e *end) unackedBytes() uint64 {
	n := e.inFlight()
	if e.has(hasFIN) && !e.snd.Una().After(e.fin) {
		n--
	}
	if e.has(hasISS) && e.snd.Una() == e.iss {
		n--
	}
	return uint64(max(n, 0))
}
