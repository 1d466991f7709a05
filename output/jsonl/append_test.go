package jsonl

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// TestNumbersAreThoseOfStrconv: of every length, and about every power of ten.
func TestNumbersAreThoseOfStrconv(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	of := func(v uint64) {
		if got, want := string(appendDigits(nil, v)), strconv.FormatUint(v, 10); got != want {
			t.Fatalf("%s for %s", got, want)
		}
		for places, unit := range map[int]float64{6: 1e6, 9: 1e9} {
			ns := int64(v>>12) - int64(v&1)*int64(v>>11) // below 2^53, of either sign
			want := strconv.FormatFloat(float64(ns)/unit, 'f', -1, 64)
			if got := string(appendDecimal(nil, "", ns, places)); got != want {
				t.Fatalf("%s for %s", got, want)
			}
		}
	}
	for range 300_000 {
		of(r.Uint64() >> r.IntN(64))
	}
	for power := uint64(1); power <= 1e19/10; power *= 10 {
		for d := range uint64(5) {
			of(power + d - 2)
			of((power + d - 2) << 12)
		}
	}
}

// TestAddressesAreThoseOfNetip: of IPv4, which are spelled here.
func TestAddressesAreThoseOfNetip(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 100_000 {
		e := tcp.Endpoint{Addr: tcp.AddrFrom4(r.Uint32())}
		if got, want := string(appendAddress(nil, "", e)), e.IP().String()+`","port":0`; got != want {
			t.Fatalf("%s for %s", got, want)
		}
	}
}
