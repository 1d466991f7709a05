package capture

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// Packets of several rings are handed out in the order of their capture. A ring hands over a block only when it is full
// or old, so the first packet of one waits until those of the others are there too, or, where nothing lies in them, until
// what they may have taken before it must have been handed over:
//
//	ring 0: | 3 5 6 |          3 goes, 5 waits: ring 1 may have taken a 4 that is still the kernel's
//	ring 1: | 2 |   ...
//
// No packet waits longer than that, nor when half of its ring is full: order is never bought with a loss.

// next says whether the ring that is read has a packet that may be handed out, which is then at hand.
func (s *live) next() bool {
	r := s.at
	if r == nil || !r.front && !r.block.next(&r.packet) {
		return false
	}
	if r.packet.time > s.until { // others may be earlier
		r.front = true
		s.at = nil
		return false
	}
	r.front = false
	s.packet = &r.packet
	return true
}

// choose chooses the ring to read, that with the earliest packet, and says whether there is one.
func (s *live) choose() bool {
	for again := false; ; again = true {
		first, until, waits := s.fronts()
		switch {
		case first == nil:
			return false
		case first.packet.time <= waits:
			s.at, s.until = first, min(until, waits)
			return true
		case again:
			if time.Since(first.opened) < s.patience() && !first.pressed() {
				return false
			}
			s.at, s.until = first, until
			return true
		}
		s.stamp(time.Now())
	}
}

// fronts returns the ring with the earliest packet, nil if none has one, the time of the earliest of the others, and up
// to when the rings that have none have given all.
func (s *live) fronts() (first *ring, until, waits int64) {
	until, waits = math.MaxInt64, math.MaxInt64
	for _, r := range s.rings {
		switch {
		case !r.front && !r.bring():
			waits = min(waits, r.upTo)
		case first == nil:
			first = r
		case r.packet.time < first.packet.time:
			until = min(until, first.packet.time)
			first = r
		default:
			until = min(until, r.packet.time)
		}
	}
	return first, until, waits
}

// patience is how long the first packet of a ring waits for those of others.
func (s *live) patience() time.Duration {
	if s.filling() {
		return max(s.lag, timersHang)
	}
	return s.lag
}

// filling says that of what the kernel has put into a ring nothing is handed over yet.
func (s *live) filling() bool {
	for _, r := range s.rings {
		if !r.front && r.filling() {
			return true
		}
	}
	return false
}

// stamp notes of each ring that is empty up to when it will have given all, should it have no packet when it is looked at
// next: now was before that.
func (s *live) stamp(now time.Time) {
	for _, r := range s.rings {
		if !r.front && !r.filling() {
			r.upTo = now.Add(-s.lag).UnixNano()
		}
	}
}

// settled is the time up to which all packets have been handed out.
func (s *live) settled() int64 {
	t := int64(math.MaxInt64)
	for _, r := range s.rings {
		if r.front {
			t = min(t, r.packet.time)
		} else {
			t = min(t, r.upTo)
		}
	}
	return t
}

// drained says that no ring has a packet left.
func (s *live) drained() bool {
	for _, r := range s.rings {
		if r.front {
			return false
		}
	}
	return true
}

// poll waits until a ring that has no packet is handed one, for the block's timeout; less where packets wait for it.
func (s *live) poll() {
	timeout := s.timeout
	s.polled = s.polled[:0]
	for _, r := range s.rings {
		if r.front {
			timeout = min(timeout, heldLook)
		} else {
			s.polled = append(s.polled, unix.PollFd{Fd: int32(r.fd), Events: unix.POLLIN})
		}
	}
	unix.Poll(s.polled, int(timeout/time.Millisecond))
}
