package capture

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// noted is a Record that outlives its moment.
type noted struct {
	Record
	on   Interface
	flow tcp.FlowKey // of its segment, zero if it yields none
}

// note returns a Recorder that keeps copies.
func note(list *[]noted) Recorder {
	return func(r *Record, seg *tcp.Segment) {
		n := noted{Record: *r, on: *r.Interface}
		n.Data = bytes.Clone(r.Data)
		if seg != nil {
			n.flow = seg.Flow
		}
		*list = append(*list, n)
	}
}

// A Recorder is shown every packet with its interface, also those that are no TCP, in the order of the merged capture,
// and none of the records that are no packets.
func TestRecorder(t *testing.T) {
	var w blocks
	w.order = binary.LittleEndian
	w.section().iface(1, 96, 9, 0)
	body := w.option(w.option(append(w.order.AppendUint16(nil, 101), make([]byte, 6)...), 2, []byte("tun\x1b0")...), 3, []byte("a tunnel")...)
	w.block(blockInterface, w.option(w.option(body, 9, 9), 0))
	plain, raw := tcp4(16, 5), tcp4(16, 5)[14:]
	w.packet(0, 1_700_000_000_000_500_000, plain).block(blockJournal, []byte("12345678")).packet(1, 1_700_000_000_000_700_000, raw).
		packet(0, 1_700_000_000_001_500_000, []byte("no packet at all"))
	classic := pcapFile(binary.BigEndian, magicNano, 1, tcp4(2, 0), tcp4(16, 0))

	var list []noted
	src := openAll(t, Options{Recorder: note(&list)}, write(t, "a.pcapng", w.b), write(t, "b.pcap", classic))
	_, stats := drain(t, src)
	if stats.Packets != 6 || len(list) != 5 {
		t.Fatalf("%d records shown of %d", len(list), stats.Packets)
	}
	var numbers []uint64
	for i, r := range list {
		numbers = append(numbers, r.Number)
		want := []struct {
			data []byte
			on   Interface
			tcp  bool
		}{
			{tcp4(2, 0), Interface{Link: 1, Snap: 262144}, true},
			{plain, Interface{Link: 1, Snap: 96}, true},
			{raw, Interface{ID: 1, Link: 101, Name: "tun\x1b0", Description: "a tunnel"}, true},
			{tcp4(16, 0), Interface{Link: 1, Snap: 262144}, true},
			{[]byte("no packet at all"), Interface{Link: 1, Snap: 96}, false},
		}[i]
		if !bytes.Equal(r.Data, want.data) || r.Length != len(want.data) || r.on != want.on || (r.flow != tcp.FlowKey{}) != want.tcp {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if !slices.Equal(numbers, []uint64{1, 2, 4, 5, 6}) {
		t.Errorf("numbers %v", numbers)
	}
}

// A Recorder costs no allocation per packet.
func TestRecorderAllocatesNothing(t *testing.T) {
	frames := make([][]byte, 5000)
	for i := range frames {
		frames[i] = tcp4(16, 5)
	}
	name := write(t, "a.pcap", pcapFile(binary.LittleEndian, magicNano, 1, frames...))
	shown := 0
	src := openAll(t, Options{Recorder: func(*Record, *tcp.Segment) { shown++ }}, name)
	segs := make([]tcp.Segment, 10)
	src.Read(segs) // the first opens the window
	if n := testing.AllocsPerRun(100, func() { src.Read(segs) }); n != 0 || shown < 1000 {
		t.Errorf("%v allocations, %d shown", n, shown)
	}
}
