package tracker

import (
	"math"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// A capture with impossible times, of the year 2262 or before 1970, ends: timers are never set past the end of time.
func TestImpossibleTimesEnd(t *testing.T) {
	key, dir := tcp.MakeFlow(tcp.AddrFrom4(1), tcp.AddrFrom4(2), 4000, 80, false)
	for _, at := range []int64{math.MaxInt64, math.MaxInt64 - second, math.MinInt64, -1, 0} {
		tr := New(Config{})
		seg := tcp.Segment{Time: at, Number: 1, Flow: key, Dir: dir, Flags: tcp.SYN, Seq: 1}
		back := tcp.Segment{Time: at, Number: 2, Flow: key, Dir: dir.Other(), Flags: tcp.SYN | tcp.ACK, Seq: 7, Ack: 2, Window: 9}
		data := tcp.Segment{Time: at, Number: 3, Flow: key, Dir: dir, Flags: tcp.ACK, Seq: 2, Ack: 8, Len: 10}
		later := tcp.Segment{Time: math.MaxInt64, Number: 4, Flow: key, Dir: dir, Flags: tcp.FIN | tcp.ACK, Seq: 12, Ack: 8}
		tr.Observe([]tcp.Segment{seg, back, data, later})
		tr.Advance(math.MaxInt64)
		tr.Close()
		if s := tr.Stats(); s.Segments != 4 || s.Live != 0 {
			t.Errorf("at %d: %d segments, %d left", at, s.Segments, s.Live)
		}
	}
}
