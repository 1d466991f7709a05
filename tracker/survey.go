package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// Survey looks at up to n places of connections, from the place that the last call returned on, and shows those that
// live; 0 is the first place. When it returns 0 it has come round. Where many wait for an answer, half-open connections of
// which one SYN was seen are not among them: Stats.HalfOpen counts those. Between two calls connections may come and go.
func (t *Tracker) Survey(from uint32, n int, see func(View)) (next uint32) {
	end := t.conns.next
	for ; n > 0 && from < end; n-- {
		number := from + 2
		if c := t.conns.at(number); c.first != 0 {
			see(View{t, number, c})
		}
		from++
	}
	if from >= end {
		return 0
	}
	return from
}

// SurveyHalfOpen is Survey for the connections that Stats.HalfOpen counts: their clients are in SYN_SENT,
// their servers in CLOSED as far as was seen.
func (t *Tracker) SurveyHalfOpen(from uint32, n int, see func(client, server tcp.Endpoint)) (next uint32) {
	end := t.stubs.arena.next
	for ; n > 0 && from < end; n-- {
		if u := t.stubs.arena.at(from + 2); u.first != 0 {
			key := u.key()
			client, server := key.Ends()
			if u.flags&stubFromB != 0 {
				client, server = server, client
			}
			see(client, server)
		}
		from++
	}
	if from >= end {
		return 0
	}
	return from
}
