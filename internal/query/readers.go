package query

import (
	"math"
	"slices"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// The functions below make readers.

// ends calls show with the ends that are asked for until it returns true.
func (s *Subject) ends(of sides, show func(*tracker.End) bool) bool {
	return of != ofServer && show(&s.Conn.Client) || of != ofClient && show(&s.Conn.Server)
}

func whole(get func(*tracker.Connection) (int64, bool)) reader {
	return reader{numbers: func(s *Subject, _ sides, test func(int64) bool) bool {
		n, known := get(s.Conn)
		return known && test(n)
	}}
}

func numbers(some func(*tracker.Connection, func(int64) bool) bool) reader {
	return reader{numbers: func(s *Subject, _ sides, test func(int64) bool) bool { return some(s.Conn, test) }}
}

func blamed(r reader) reader {
	r.blamed = true
	return r
}

func zeeked(r reader) reader {
	r.zeeked = true
	return r
}

// zeekState is the conn_state's bit, none where it is not known.
func zeekState(s *Subject) uint64 {
	if len(s.Conn.Zeek) == 0 {
		return 0
	}
	return 1 << slices.Index(tracker.ZeekStates, s.Conn.Zeek[0].State)
}

func eachEnd(get func(*tracker.End) (int64, bool)) reader {
	return reader{numbers: func(s *Subject, of sides, test func(int64) bool) bool {
		return s.ends(of, func(e *tracker.End) bool {
			n, known := get(e)
			return known && test(n)
		})
	}}
}

func total(get func(*tracker.End) uint64) reader {
	return reader{numbers: func(s *Subject, of sides, test func(int64) bool) bool {
		var sum uint64
		s.ends(of, func(e *tracker.End) bool { sum += get(e); return false })
		return test(int64(min(sum, math.MaxInt64)))
	}}
}

func longest(get func(*tracker.End) (int64, bool)) reader {
	return reader{numbers: func(s *Subject, of sides, test func(int64) bool) bool {
		most, any := int64(0), false
		s.ends(of, func(e *tracker.End) bool {
			if n, known := get(e); known {
				most, any = max(most, n), true
			}
			return false
		})
		return any && test(most)
	}}
}

// trip adds up what is known of the two ways from the tap.
func trip(get func(*tracker.RTT) int64) reader {
	return reader{numbers: func(s *Subject, of sides, test func(int64) bool) bool {
		sum, any := int64(0), false
		s.ends(of, func(e *tracker.End) bool {
			if e.RTT.N > 0 {
				sum, any = sum+get(&e.RTT), true
			}
			return false
		})
		return any && test(sum)
	}}
}

func word(get func(*Subject) uint64) reader {
	return reader{words: func(s *Subject, _ sides) uint64 { return get(s) }}
}

func judged(r reader) reader {
	r.judged = true
	return r
}

func found(get func(*Found) uint64) reader {
	return judged(word(func(s *Subject) (set uint64) {
		for i := range s.Found {
			set |= get(&s.Found[i])
		}
		return set
	}))
}

func endWord(get func(*tracker.End) uint64) reader {
	return reader{words: func(s *Subject, of sides) (set uint64) {
		s.ends(of, func(e *tracker.End) bool { set |= get(e); return false })
		return set
	}}
}

// ports reads both ends' ports; of a population only those that are named.
var ports = reader{numbers: func(s *Subject, of sides, test func(int64) bool) bool {
	return s.ends(of, func(e *tracker.End) bool {
		return (e.Endpoint.Port != 0 || !s.crowd) && test(int64(e.Endpoint.Port))
	})
}}

// endpoint reads the address of one end or of any.
func endpoint(of sides) reader {
	return reader{places: func(s *Subject, side sides, test func(tcp.Endpoint) bool) bool {
		return s.ends(max(of, side), func(e *tracker.End) bool {
			return (e.Endpoint.Addr != tcp.Addr{} || !s.crowd) && test(e.Endpoint)
		})
	}}
}
