package tracker

import (
	"testing"
	"unsafe"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// TestCountsGoOn: what an endpoint counts in 32 bits goes on beyond them, and is never nothing again.
func TestCountsGoOn(t *testing.T) {
	tk := New(Config{})
	var e end
	s := tcp.Segment{IPLen: 1<<31 - 1, Len: 1<<31 - 41}
	const n = 9
	for range n {
		tk.counts(&e, &s)
	}
	if p, b := tk.packetsOf(&e), tk.bytesOf(&e); p != n || b != n*uint64(s.IPLen) || e.packets != n {
		t.Errorf("%d packets, %d octets, and %d packets of its own", p, b, e.packets)
	}
	if got := tk.aside(&e).payload + uint64(e.payload); got != n*uint64(s.Len) {
		t.Errorf("%d octets of payload", got)
	}

	claims := tcp.Segment{IPLen: 1<<32 - 15, Len: 1<<32 - 55}
	tk.counts(&e, &tcp.Segment{IPLen: 40})
	before := tk.bytesOf(&e)
	tk.counts(&e, &claims)
	if b := tk.bytesOf(&e) - before; b != uint64(claims.IPLen) {
		t.Errorf("%d octets of a packet of %d", b, claims.IPLen)
	}

	e.packets = 1<<30 - 1
	tk.counts(&e, &s)
	if p := tk.packetsOf(&e); p != 1<<30 || e.packets == 0 {
		t.Errorf("%d packets, %d of its own", p, e.packets)
	}
	tk.endAside(&e)
	if tk.asides.len() != 0 {
		t.Error("what lay aside was not given back")
	}
}

// TestEntriesFillLines: what every segment needs lies in pairs of cache lines.
func TestEntriesFillLines(t *testing.T) {
	for what, got := range map[string][2]uintptr{
		"an endpoint":      {unsafe.Sizeof(end{}), 256},
		"its first half":   {unsafe.Offsetof(end{}.rtt), 128},
		"a connection":     {unsafe.Sizeof(conn{}), 640},
		"that up to these": {unsafe.Offsetof(conn{}.ends), 128},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d octets, not %d", what, got[0], got[1])
		}
	}
}
