package capture

import (
	"io"
	"testing"

	"github.com/tcptrack/tcptrack/internal/nettest"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// What a full ring loses is counted: what was sent is what was read and what was dropped, each packet of the loopback
// interface once.
func TestRingOverflows(t *testing.T) {
	nettest.Run(t, func() { overflow(t) })
}

func overflow(t *testing.T) {
	src, err := Live([]string{"lo"}, LiveOptions{Backend: BackendRing, Snap: MaxSnap})
	if err != nil {
		t.Error(err)
		return
	}
	defer src.Close()
	const packets = 1500 // 90 MB into 64 MiB
	flood(t, packets)
	src.Stop()
	for segs := make([]tcp.Segment, 64); err == nil; {
		_, err = src.Read(segs)
	}
	if s := src.Stats(); err != io.EOF || s.Dropped == 0 || s.Freezes == 0 || s.Packets == 0 || s.Packets+s.Dropped != packets || s.Received != packets {
		t.Errorf("%v, %+v", err, s)
	}
}
