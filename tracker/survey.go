package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// Survey looks at up to n places of connections, from the place that the last call returned on, and shows those that
// live; 0 is the first place. When it returns 0 it has come round. Where many wait for an answer, half-open connections of
// which one SYN was seen are not among them: Stats.HalfOpen counts those. Between two calls connections may come and go.
func (t *Tracker) Survey(from uint32, n int, see func(View)) (next uint32) {
	for ; n > 0; n-- {
		p, ok := t.conns.place(from)
		if !ok {
			return 0
		}
		if c := t.conns.at(p + 2); c.first != 0 {
			see(View{t, p + 2, c})
		}
		from = p + 1
	}
	next, _ = t.conns.place(from)
	return next
}

// SurveyHalfOpen is Survey for the connections that Stats.HalfOpen counts: their clients are in SYN_SENT,
// their servers in CLOSED as far as was seen.
func (t *Tracker) SurveyHalfOpen(from uint32, n int, see func(client, server tcp.Endpoint)) (next uint32) {
	for ; n > 0; n-- {
		p, ok := t.stubs.arena.place(from)
		if !ok {
			return 0
		}
		if u := t.stubs.arena.at(p + 2); u.first != 0 {
			key := u.key()
			client, server := key.Ends()
			if u.flags&stubFromB != 0 {
				client, server = server, client
			}
			see(client, server)
		}
		from = p + 1
	}
	next, _ = t.stubs.arena.place(from)
	return next
}
