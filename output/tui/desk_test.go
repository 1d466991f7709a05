package tui

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// The windows of a connection in equal stretches are those that somebody finds who keeps all segments: of each stretch the
// least, of the first the first, and what is not told of stays.
func TestWindows(t *testing.T) {
	client, server := tcp.Endpoint{Addr: tcp.AddrFrom4(1), Port: 1000}, tcp.Endpoint{Addr: tcp.AddrFrom4(2), Port: 80}
	flow, dir := tcp.MakeFlow(client.Addr, server.Addr, client.Port, server.Port, false)
	c := &tracker.Connection{Client: tracker.End{Endpoint: client}, Server: tracker.End{Endpoint: server}}
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		w := newWindows()
		var segs []tcp.Segment
		now := int64(1e18)
		for range 1 + random.IntN(60) {
			now += random.Int64N(1 << random.IntN(33))
			segs = append(segs, tcp.Segment{Time: now, Flow: flow, Dir: dir, Flags: tcp.ACK, Window: uint16(random.IntN(3) * random.IntN(1<<16))})
			w.see(&segs[len(segs)-1])
		}
		now += random.Int64N(1 << random.IntN(33))
		span := windowFirst
		for (now-segs[0].Time)/span >= windowCells {
			span *= 2
		}
		var want [windowCells]uint8
		most := uint16(1)
		for i := range segs {
			most = max(most, segs[i].Window)
		}
		level := uint8(0)
		for cell := range int((now-segs[0].Time)/span) + 1 {
			least := -1
			for i := range segs {
				if (segs[i].Time-segs[0].Time)/span == int64(cell) && (least < 0 || int(segs[i].Window) < least && cell > 0) {
					least = int(segs[i].Window)
				}
			}
			if least == 0 {
				level = windowShut
			} else if least > 0 {
				level = uint8(windowShut + 1 + least*(windowHighest-windowShut-1)/int(most))
			}
			want[cell] = level
		}
		if got := w.of(c, tracker.Client, now); got != want {
			t.Fatalf("%d segments in %d ns: %v, want %v", len(segs), now-segs[0].Time, got, want)
		}
		if got := w.of(c, tracker.Server, now); got != [windowCells]uint8{} {
			t.Fatalf("of the server, which never spoke: %v", got)
		}
	}
}

// What a Desk remembers is bounded, and the open findings are counted right all the while.
func TestDeskIsBounded(t *testing.T) {
	d := NewDesk()
	open := map[uint64]bool{}
	for i := range uint64(maxFound * 3) {
		f := &anomaly.Finding{Rule: &anomaly.FINUnacked, ID: fmt.Sprint(i), Severity: anomaly.Warning, Case: anomaly.Case{Conn: i}}
		d.Finding(f)
		d.Transition(&tracker.Transition{Conn: i, From: tracker.Established, To: tracker.FinWait1})
		open[i] = true
		if i%2 == 0 {
			d.Connection(&tracker.Connection{Conn: i, Now: 1})
			delete(open, i)
		}
		if i%5 == 1 {
			f.Status = anomaly.Withdrawn
			d.Finding(f)
			delete(open, i)
		}
		if i%7 == 1 && open[i] {
			f.Severity = anomaly.Critical
			d.Finding(f)
			f.Severity = anomaly.Warning
			d.Finding(f)
		}
	}
	if got := d.open[anomaly.Warning]; got != len(open) || d.open[anomaly.Critical] != 0 {
		t.Errorf("%d open findings, want %d", got, len(open))
	}
	if len(d.all) > maxFound || len(d.retired) > maxRetired || len(d.events) > maxEvents || len(d.conns) != len(open) {
		t.Errorf("%d findings, %d ended connections, %d events, %d judged connections, want %d", len(d.all), len(d.retired), len(d.events), len(d.conns), len(open))
	}
	for range maxEvents {
		d.Transition(&tracker.Transition{Conn: 1, From: tracker.Established, To: tracker.FinWait1})
	}
	if len(d.events) != maxEvents {
		t.Errorf("%d events", len(d.events))
	}
}
