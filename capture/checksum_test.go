package capture

import (
	"encoding/binary"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// slowSum is the sum as RFC 1071 puts it.
func slowSum(b []byte) uint16 {
	var s uint32
	for i, c := range b {
		if i%2 == 0 {
			s += uint32(c) << 8
		} else {
			s += uint32(c)
		}
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

func FuzzSum(f *testing.F) {
	f.Add([]byte("abc"))
	f.Add(make([]byte, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := fold(sum(b)), slowSum(b); got != want {
			t.Errorf("sum of % x is %#x, want %#x", b, got, want)
		}
	})
}

// Good, wrong and offloaded sums, in every mode, of both IP versions, whichever side sends.
func TestChecksums(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		for _, swap := range []bool{false, true} {
			for _, n := range []int{0, 1, 8, 33} {
				for _, flags := range []byte{2, 16, 17, 20} {
					body := tcp4(flags, n)[34:]
					body[len(body)-1] ^= 0x5a
					pack := ip4(6, body)
					if v6 {
						pack = ip6(6, body)
					}
					at := len(pack) - len(body)
					if swap && !v6 {
						pack[15], pack[19] = pack[19], pack[15]
					} else if swap {
						pack[23], pack[39] = pack[39], pack[23]
					}
					addresses := pack[12:20]
					if v6 {
						addresses = pack[8:40]
					}
					pseudo := append(append([]byte(nil), addresses...), 0, 6)
					pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(body)))
					field := pack[at+16 : at+18]
					checks := func(want tcp.Sum) {
						t.Helper()
						for _, mode := range []ChecksumMode{ChecksumAuto, ChecksumOff, ChecksumAll} {
							d := decoder{checksum: mode}
							var seg tcp.Segment
							skip := d.decode(&record{frame: pack, orig: len(pack), link: 101}, &seg)
							expect := want
							if mode == ChecksumOff || mode == ChecksumAuto && flags == 16 {
								expect = tcp.SumUnknown
							}
							if skip != taken || seg.Sum != expect {
								t.Fatalf("v6 %v, %d octets, flags %d, mode %d: %v, sum %v, want %v", v6, n, flags, mode, skip, seg.Sum, expect)
							}
						}
					}
					copy(field, []byte{0, 0})
					checks(tcp.SumBad)
					binary.BigEndian.PutUint16(field, slowSum(pseudo))
					checks(tcp.SumPartial)
					copy(field, []byte{0, 0})
					binary.BigEndian.PutUint16(field, ^slowSum(append(pseudo, pack[at:]...)))
					checks(tcp.SumGood)
				}
			}
		}
	}
}
