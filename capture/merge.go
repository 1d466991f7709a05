package capture

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// merge holds the inputs that have a record ready, the earliest on top; of equal times the first named.
type merge struct {
	heap    []int
	waiting []int // inputs whose next record is not there yet
	started bool
}

// readMerged reads the batch in time order, as mergecap does: always the earliest of the records in front.
func (s *files) readMerged(segs []tcp.Segment) (n int, err error) {
	m := &s.merge
	if !m.started {
		m.started = true
		for i := range s.in {
			m.waiting = append(m.waiting, i)
		}
	}
	for n < len(segs) {
		if s.enough() {
			return n, s.end(n)
		}
		if len(m.waiting) > 0 && !s.advance(n == 0) {
			return n, nil
		}
		if len(m.heap) == 0 {
			if len(m.waiting) == 0 {
				return n, s.end(n)
			}
			if n > 0 {
				return n, nil
			}
			s.wait()
			continue
		}
		i := m.heap[0]
		in := s.in[i]
		n += s.take(in, &in.rec, &segs[n])
		if err := in.next(&in.rec); err == nil {
			s.down(0)
		} else {
			s.pop()
			if err == errMore {
				m.waiting = append(m.waiting, i)
			} else {
				s.finish(in, err)
			}
		}
	}
	return n, nil
}

// advance brings the waiting inputs to their next record. Without block it returns false instead of reading. Growing
// files that have nothing more now go on waiting and hold up nobody.
func (s *files) advance(block bool) bool {
	m := &s.merge
	still := m.waiting[:0]
	for k, i := range m.waiting {
		in := s.in[i]
		if in.done {
			continue
		}
		err := in.next(&in.rec)
		for err == errMore {
			if !block {
				m.waiting = append(still, m.waiting[k:]...)
				return false
			}
			if err = in.more(); err == nil {
				err = in.next(&in.rec)
			}
		}
		switch err {
		case nil:
			m.heap = append(m.heap, i)
			s.up(len(m.heap) - 1)
		case errWait:
			still = append(still, i)
		default:
			s.finish(in, err)
		}
	}
	m.waiting = still
	return true
}

// before orders two inputs by their records.
func (s *files) before(i, j int) bool {
	a, b := s.in[i].rec.time, s.in[j].rec.time
	return a < b || a == b && i < j
}

func (s *files) pop() {
	h := s.merge.heap
	h[0] = h[len(h)-1]
	s.merge.heap = h[:len(h)-1]
	s.down(0)
}

func (s *files) up(k int) {
	h := s.merge.heap
	for k > 0 && s.before(h[k], h[(k-1)/2]) {
		h[k], h[(k-1)/2] = h[(k-1)/2], h[k]
		k = (k - 1) / 2
	}
}

func (s *files) down(k int) {
	h := s.merge.heap
	for {
		c := 2*k + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && s.before(h[c+1], h[c]) {
			c++
		}
		if !s.before(h[c], h[k]) {
			return
		}
		h[k], h[c] = h[c], h[k]
		k = c
	}
}
