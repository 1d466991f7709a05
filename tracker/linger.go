package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// listen lets the linger timer run.
func (t *Tracker) listen(n uint32, c *conn) {
	if c.flags&timed == 0 {
		c.flags |= timed
		t.timers.set(lingerTimer, t.now, n, c)
	}
}

// lingered is the linger timer: it finds the endpoints that acknowledged their peer's FIN and have said nothing since.
// What waits for the peer, octets in flight or at a shut window, is not the endpoint's own delay: calm lets the timer run
// again.
func (t *Tracker) lingered(n uint32, c *conn) {
	c.flags &^= timed
	again := false
	for d := range c.ends {
		e, peer := &c.ends[d], &c.ends[1-d]
		switch {
		case e.est != CloseWait || e.has(lingering) || !e.has(gotFIN) || e.flight != 0 || peer.has(windowShut):
		case t.now-t.lingersSince(e) < lasts[lingerTimer]:
			again = true
		case e.ackedFrom.After(e.snd.Next()):
			e.flags |= lingering // octets or its FIN were lost before the tap: it stirs when they come again
		default:
			e.flags |= lingering
			t.see(Lingers, n, c, e, nil)
		}
	}
	if again {
		t.listen(n, c)
	}
}

// lingersSince is when the endpoint had its peer's FIN and nothing of its own was left to be acknowledged, as of when the
// timer fires. A FIN that was lost on its way came when it was acknowledged, which set the timer.
func (t *Tracker) lingersSince(e *end) int64 {
	since := max(*e.presumedAt(rcvFIN), e.calmAt)
	if e.barred.has(rcvFIN) {
		since = max(since, t.now-lasts[lingerTimer])
	}
	return since
}

// stirs notes that a lingering endpoint sends octets again.
func (t *Tracker) stirs(n uint32, c *conn, e *end, s *tcp.Segment) {
	e.flags &^= lingering
	t.see(Stirred, n, c, e, s)
	t.listen(n, c)
}
