package days

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
)

// Bounds of a Calendar: days, and bits set in all of them together.
const (
	MaxDays  = 4096
	MaxMarks = 1 << 24
)

// kinds are the two bitmaps of a day, as their files are named.
var kinds = [...]string{"seen", "finding"}

const (
	seen = iota
	finding
)

// day has a bitmap for each kind.
type day [len(kinds)]*roaring64.Bitmap

func newDay() *day { return &day{roaring64.New(), roaring64.New()} }

// Store is where marks are kept.
type Store interface {
	// Save adds a calendar's marks to those that are there; several may do so at once.
	Save(*Calendar) error

	list() ([]int64, error)                // the numbers of its days, in order
	open(number int64) (*day, error)       // empty where there is none
	names(bits []uint64) ([]string, error) // whose bits these are
}

// Calendar collects marks in memory.
type Calendar struct {
	days    map[int64]*day // by days since 1970 UTC
	marks   int
	bound   int    // on marks
	LeftOut uint64 // marks beyond the bounds
}

// New makes an empty Calendar.
func New() *Calendar { return &Calendar{days: map[int64]*day{}, bound: MaxMarks} }

const daySpan = int64(24 * time.Hour)

// dayOf is the number of a day since 1970.
func dayOf(ns int64) int64 {
	if ns < 0 {
		return -((-ns + daySpan - 1) / daySpan)
	}
	return ns / daySpan
}

func nameOf(number int64) string { return time.Unix(number*86400, 0).UTC().Format(time.DateOnly) }

// Number is the client's bit: an IPv4 address, or the upper half of an IPv6 address.
func Number(client netip.Addr) uint64 {
	client = client.Unmap()
	if client.Is4() {
		b := client.As4()
		return uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := client.As16()
	return binary.BigEndian.Uint64(b[:8])
}

// Client spells a bit: an IPv4 address, or an IPv6 /64.
func Client(number uint64) string {
	if number>>32 == 0 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(number))
		return netip.AddrFrom4(b).String()
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], number)
	return netip.PrefixFrom(netip.AddrFrom16(b), 64).String()
}

// Mark notes a client on each day from start to last, capture nanoseconds since 1970 UTC, with whether something was found.
func (c *Calendar) Mark(client netip.Addr, start, last int64, found bool) {
	number := Number(client)
	for n := dayOf(start); n <= dayOf(last); n++ {
		d := c.days[n]
		if d == nil {
			if len(c.days) >= MaxDays {
				c.LeftOut++
				return // and so would be the days to come
			}
			d = newDay()
			c.days[n] = d
		}
		c.set(d[seen], number)
		if found {
			c.set(d[finding], number)
		}
	}
}

func (c *Calendar) set(b *roaring64.Bitmap, number uint64) {
	if c.marks >= c.bound && !b.Contains(number) {
		c.LeftOut++
		return
	}
	if b.CheckedAdd(number) {
		c.marks++
	}
}

// Days is how many days have marks.
func (c *Calendar) Days() int { return len(c.days) }
