package capture

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// blocks writes pcapng in one byte order.
type blocks struct {
	order binary.AppendByteOrder
	b     []byte
}

func (w *blocks) block(kind uint32, body []byte) *blocks {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	w.b = w.order.AppendUint32(w.b, kind)
	w.b = w.order.AppendUint32(w.b, uint32(len(body)+12))
	w.b = append(w.b, body...)
	w.b = w.order.AppendUint32(w.b, uint32(len(body)+12))
	return w
}

func (w *blocks) section() *blocks {
	b := w.order.AppendUint32(nil, byteOrderMagic)
	b = w.order.AppendUint16(b, 1)
	b = w.order.AppendUint16(b, 0)
	return w.block(blockSection, w.order.AppendUint64(b, math.MaxUint64))
}

func (w *blocks) option(b []byte, code uint16, v ...byte) []byte {
	b = w.order.AppendUint16(b, code)
	b = w.order.AppendUint16(b, uint16(len(v)))
	b = append(b, v...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// iface describes an interface; resol 0 leaves if_tsresol out, and so does offset 0.
func (w *blocks) iface(link uint16, snap uint32, resol byte, offset int64) *blocks {
	b := w.order.AppendUint16(nil, link)
	b = w.order.AppendUint16(b, 0)
	b = w.order.AppendUint32(b, snap)
	if resol != 0 {
		b = w.option(b, 9, resol)
	}
	if offset != 0 {
		b = w.option(b, 14, w.order.AppendUint64(nil, uint64(offset))...)
	}
	return w.block(blockInterface, w.option(b, 0))
}

func (w *blocks) packet(id uint32, ticks uint64, frame []byte) *blocks {
	b := w.order.AppendUint32(nil, id)
	b = w.order.AppendUint32(b, uint32(ticks>>32))
	b = w.order.AppendUint32(b, uint32(ticks))
	b = w.order.AppendUint32(b, uint32(len(frame)))
	b = w.order.AppendUint32(b, uint32(len(frame)))
	return w.block(blockPacket, append(b, frame...))
}

func (w *blocks) oldPacket(id uint16, ticks uint64, frame []byte) *blocks {
	b := w.order.AppendUint16(nil, id)
	b = w.order.AppendUint16(b, 0xffff)
	b = w.order.AppendUint32(b, uint32(ticks>>32))
	b = w.order.AppendUint32(b, uint32(ticks))
	b = w.order.AppendUint32(b, uint32(len(frame)))
	b = w.order.AppendUint32(b, uint32(len(frame)))
	return w.block(blockOldPacket, append(b, frame...))
}

func (w *blocks) simple(frame []byte) *blocks {
	return w.block(blockSimple, append(w.order.AppendUint32(nil, uint32(len(frame))), frame...))
}

func (w *blocks) drops(id uint32, n uint64) *blocks {
	b := w.order.AppendUint32(nil, id)
	b = w.order.AppendUint64(b, 0)
	return w.block(blockStatistics, w.option(b, 5, w.order.AppendUint64(nil, n)...))
}

var orders = []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian}

// Every kind of block, two sections of different byte order, interfaces of different units and link types.
func TestPcapng(t *testing.T) {
	const second = 1700000000
	for i, order := range orders {
		w := &blocks{order: order}
		w.section().block(0x0bad, []byte("no such block")).iface(1, 0, 0, 0).iface(101, 0, 9, 1)
		w.packet(0, second*1e6+5, tcp4(2, 1))
		w.packet(1, second*1e9+7, tcp4(16, 2)[14:])
		w.oldPacket(0, second*1e6+9, tcp4(16, 3))
		w.simple(tcp4(16, 4))
		w.drops(0, 3).drops(0, 5).drops(1, 2).drops(9, 100)
		w.block(blockJournal, []byte("MESSAGE=hello"))
		w.order = orders[1-i]
		w.section().iface(1, 0, 0x80|20, 0).drops(0, 1)
		w.packet(0, second<<20+1<<19, tcp4(16, 5))
		segs, st := drain(t, openAll(t, Options{Stdin: bytes.NewReader(w.b)}, "-"))
		if len(segs) != 5 || st.Packets != 6 || st.Dropped != 8 || len(st.Warnings) != 0 {
			t.Fatalf("%v: %d segments, %+v", order, len(segs), st)
		}
		times := []int64{second*1e9 + 5000, (second+1)*1e9 + 7, second*1e9 + 9000, second*1e9 + 9000, second*1e9 + 5e8}
		for i, g := range segs {
			if g.Len != i+1 || g.Time != times[i] || g.Number != []uint64{1, 2, 3, 4, 6}[i] {
				t.Errorf("%v: segment %d: %+v, want time %d", order, i, g, times[i])
			}
		}
	}
}

func TestPcapngCutAnywhere(t *testing.T) {
	w := &blocks{order: binary.LittleEndian}
	w.section()
	ends := map[int]bool{len(w.b): true}
	w.iface(1, 0, 0, 0)
	ends[len(w.b)] = true
	w.packet(0, 1, tcp4(2, 0))
	first := len(w.b)
	ends[first] = true
	w.packet(0, 2, tcp4(16, 1))
	for n := range len(w.b) {
		s, err := Open([]string{write(t, "cut", w.b[:n])}, Options{})
		if err != nil {
			if n >= 4 {
				t.Errorf("cut at %d: %v", n, err)
			}
			continue
		}
		want := 0
		if n >= first {
			want = 1
		}
		if segs, st := drain(t, s); len(segs) != want || (len(st.Warnings) == 0) != ends[n] {
			t.Errorf("cut at %d: %d segments, warnings %v", n, len(segs), st.Warnings)
		}
	}
}

// Damage ends the file with one warning that names the packet; what is before it counts.
func TestPcapngDamage(t *testing.T) {
	good := func() *blocks {
		w := &blocks{order: binary.LittleEndian}
		return w.section().iface(1, 0, 0, 0).packet(0, 1, tcp4(2, 0))
	}
	huge := good()
	huge.b = binary.LittleEndian.AppendUint32(huge.b, 6)
	huge.b = binary.LittleEndian.AppendUint32(huge.b, 0xfffffff0)
	huge.b = append(huge.b, make([]byte, 100)...)
	differ := good().packet(0, 2, tcp4(16, 1))
	differ.b[len(differ.b)-1]++
	long := good().packet(0, 2, tcp4(16, 1))
	binary.LittleEndian.PutUint32(long.b[len(good().b)+20:], 1<<20)
	for want, w := range map[string]*blocks{
		"impossible length":                 huge,
		"two lengths differ":                differ,
		"its length is impossible":          long,
		"interface 7, which is not":         good().packet(7, 2, tcp4(16, 1)),
		"too short":                         good().block(blockPacket, make([]byte, 8)),
		"section header's byte order":       good().block(blockSection, make([]byte, 16)),
		"an interface description is too s": good().block(blockInterface, make([]byte, 4)),
	} {
		segs, st := drain(t, openAll(t, Options{}, write(t, "damaged", w.b)))
		if len(segs) != 1 || len(st.Warnings) != 1 || st.Warnings[0].Packet != 2 || !strings.Contains(st.Warnings[0].What, want) {
			t.Errorf("%s: %d segments, warnings %v", want, len(segs), st.Warnings)
		}
	}
}

// Times are exact where an int64 can hold them, and the nearest it can hold where not.
func TestPcapngTimes(t *testing.T) {
	for _, c := range []struct {
		resol  byte
		ticks  uint64
		offset int64
		want   int64
	}{
		{6, 1700000000_123456, 0, 1700000000_123456000},
		{9, 1700000000_123456789, -5, 1699999995_123456789},
		{0, 1700000000, 0, 1700000000_000000000},
		{3, 1, 0, 1e6},
		{12, 1999, 0, 1},
		{28, math.MaxUint64, 0, 1},
		{29, math.MaxUint64, 0, 0},
		{127, math.MaxUint64, 0, 0},
		{0x80, 2, 0, 2e9},
		{0x80 | 63, 1 << 63, 0, 1e9},
		{0x80 | 64, 1 << 63, 0, 0},
		{6, math.MaxUint64, 0, math.MaxInt64},
		{0, math.MaxUint64, 0, math.MaxInt64},
		{9, math.MaxUint64, 0, math.MaxInt64},
		{9, math.MaxInt64, 1, math.MaxInt64},
		{9, 0, math.MinInt64, -9223372036 * 1e9},
	} {
		if got := newScale(c.resol).nanoseconds(c.ticks, c.offset); got != c.want {
			t.Errorf("resolution %#x, %d ticks, offset %d: %d, want %d", c.resol, c.ticks, c.offset, got, c.want)
		}
	}
}
