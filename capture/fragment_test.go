package capture

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// cutUp splits an IP packet's payload into fragments at multiples of eight octets.
func cutUp(v6 bool, id uint16, payload []byte, sizes ...int) [][]byte {
	var out [][]byte
	for off := 0; off < len(payload); {
		n := len(payload) - off
		if len(sizes) > 0 {
			n, sizes = min(n, sizes[0]*8), sizes[1:]
		}
		more := 0
		if off+n < len(payload) {
			more = 1
		}
		if v6 {
			head := []byte{6, 0, 0, 0, 0, 0, 0, 0}
			binary.BigEndian.PutUint16(head[2:], uint16(off|more))
			binary.BigEndian.PutUint32(head[4:], uint32(id))
			out = append(out, ip6(44, append(head, payload[off:off+n]...)))
		} else {
			b := ip4(6, payload[off:off+n])
			binary.BigEndian.PutUint16(b[4:], id)
			binary.BigEndian.PutUint16(b[6:], uint16(off/8|more<<13))
			out = append(out, b)
		}
		off += n
	}
	return out
}

// Fragments in any order, repeated or not, give the segment that the whole packet gives, with the last that arrives.
func TestFragmentsInAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, v6 := range []bool{false, true} {
		d := decoder{checksum: ChecksumAll}
		for id := range uint16(2000) {
			payload := segmentOf(r.IntN(400))
			for i := range payload[20:] {
				payload[20+i] = byte(r.Int())
			}
			pack := ip4(6, payload)
			if v6 {
				pack = ip6(6, payload)
			}
			var want tcp.Segment
			if skip := d.decode(&record{frame: pack, orig: len(pack), link: 101}, &want); skip != taken {
				t.Fatal(skip)
			}
			var sizes []int
			for range r.IntN(30) {
				sizes = append(sizes, 1+r.IntN(5))
			}
			pieces := cutUp(v6, id+1, payload, sizes...)
			r.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
			if len(pieces) > 1 {
				pieces = append(pieces[:1:1], pieces...) // the first arrives twice
			}
			for i, p := range pieces {
				var seg tcp.Segment
				skip := d.decode(&record{frame: p, orig: len(p), link: 101}, &seg)
				if i < len(pieces)-1 {
					if skip != SkipFragment {
						t.Fatalf("v6 %v: piece %d of %d: %v", v6, i, len(pieces), skip)
					}
					continue
				}
				if v6 && len(pieces) == 1 {
					want.IPLen += 8 // an atomic fragment's header stays
				}
				want.IPID = seg.IPID
				if skip != taken || seg != want {
					t.Fatalf("v6 %v, %d pieces: %v\n%+v, want\n%+v", v6, len(pieces), skip, seg, want)
				}
			}
		}
		if f := &d.fragments; len(f.open) != 0 || f.bytes != 0 || f.evicted != 0 {
			t.Errorf("v6 %v: left over: %d datagrams, %d octets, %d evicted", v6, len(f.open), f.bytes, f.evicted)
		}
	}
}

// A snapped fragment does not hide the length.
func TestSnappedFragments(t *testing.T) {
	pieces := cutUp(false, 1, segmentOf(300), 10, 10)
	var d decoder
	var seg tcp.Segment
	for i, p := range pieces {
		skip := d.decode(&record{frame: p[:min(len(p), 60)], orig: len(p), link: 101}, &seg)
		if want := i == len(pieces)-1; (skip == taken) != want {
			t.Fatalf("piece %d: %v", i, skip)
		}
	}
	if seg.Len != 300 || !seg.Snap {
		t.Errorf("%+v", seg)
	}
}

// Datagrams that never complete stay within the memory bound and the age, and are counted.
func TestFragmentBounds(t *testing.T) {
	var d decoder
	var seg tcp.Segment
	send := func(id uint16, now int64) {
		p := cutUp(false, id, segmentOf(1400), 170)[0]
		d.decode(&record{time: now, frame: p, orig: len(p), link: 101}, &seg)
	}
	for i := range 60000 {
		send(uint16(i), 0)
		if d.fragments.bytes > maxFragmentBytes {
			t.Fatalf("%d octets held", d.fragments.bytes)
		}
		if n := len(d.fragments.order); n > 2*len(d.fragments.open)+1 {
			t.Fatalf("%d datagrams held, %d in the order", len(d.fragments.open), n)
		}
	}
	held := len(d.fragments.open)
	if d.fragments.evicted != uint64(60000-held) {
		t.Errorf("%d evicted, %d held", d.fragments.evicted, held)
	}
	send(60000, maxFragmentAge)
	if len(d.fragments.open) != 1 || d.fragments.evicted != 60000 {
		t.Errorf("after the age: %d held, %d evicted", len(d.fragments.open), d.fragments.evicted)
	}
}

// A datagram that never completes does not make those behind it pile up: neither those that do, nor those that cannot.
func TestFragmentOrderStaysShort(t *testing.T) {
	odd := ip4(6, make([]byte, 13))
	binary.BigEndian.PutUint16(odd[4:], 1)
	binary.BigEndian.PutUint16(odd[6:], 0x2000)
	for name, behind := range map[string][][]byte{"whole": cutUp(false, 1, segmentOf(20), 3), "odd": {odd}} {
		var d decoder
		var seg tcp.Segment
		first := cutUp(false, 0, segmentOf(1400), 170)[0]
		d.decode(&record{frame: first, orig: len(first), link: 101}, &seg)
		for range 100000 {
			for _, p := range behind {
				d.decode(&record{frame: p, orig: len(p), link: 101}, &seg)
			}
		}
		if n := len(d.fragments.order); n > 1024 || len(d.fragments.open) != 1 {
			t.Errorf("%s: %d places for %d datagrams", name, n, len(d.fragments.open))
		}
	}
}

// Fragments that cannot belong together are given up and never crash; a ping of death is one.
func TestHostileFragments(t *testing.T) {
	var d decoder
	var seg tcp.Segment
	death := ip4(6, make([]byte, 800))
	binary.BigEndian.PutUint16(death[6:], 0x1fff)
	odd := ip4(6, make([]byte, 13))
	binary.BigEndian.PutUint16(odd[6:], 0x2000)
	for _, p := range [][]byte{death, odd} {
		if skip := d.decode(&record{frame: p, orig: len(p), link: 101}, &seg); skip != SkipFragment {
			t.Error(skip)
		}
	}
	if d.fragments.evicted != 2 || len(d.fragments.open) != 0 {
		t.Errorf("%d evicted, %d held", d.fragments.evicted, len(d.fragments.open))
	}
}
