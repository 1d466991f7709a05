package tracker

// other is the endpoint at the other side of the connection.
func (c *conn) other(e *end) *end {
	if e == &c.ends[0] {
		return &c.ends[1]
	}
	return &c.ends[0]
}

// delay is how long a segment that passed the tap toward the endpoint takes to show in what comes back, as far as round
// trips were measured.
func (t *Tracker) delay(c *conn, e *end) int64 {
	r := &c.other(e).rtt
	if r.n == 0 {
		return 100 * millisecond
	}
	return r.min + r.min/4 + 2*millisecond
}

// minDelay is the least that delay can be: what comes back sooner cannot be an answer.
func (t *Tracker) minDelay(c *conn, e *end) int64 { return c.other(e).rtt.min }

// near says that the capture was taken at the endpoint: what passes the tap toward it arrives.
func (t *Tracker) near(c *conn, e *end) bool {
	there, back := &c.other(e).rtt, &e.rtt
	if there.n == 0 {
		return false
	}
	if back.n == 0 {
		return there.min < 300_000
	}
	return there.min < back.min/4 || there.min < 100_000
}

// contradicts says that what the endpoint does now tells against a presumption: it was made longer ago than the round
// trip between tap and endpoint.
func (t *Tracker) contradicts(c *conn, e *end, on event) bool {
	return t.now-*e.presumedAt(on) > t.delay(c, e)
}
