package capture

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// merge holds the inputs that have a record ready, the earliest on top; of equal times the first named.
type merge struct {
	heap    []int
	waiting []int // inputs that must be read on for their next record
	asleep  []int // growing files without more at the moment; asked again at the next Read, they hold up nobody
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
		s.lull()
	}
	m.waiting = append(m.waiting, m.asleep...)
	m.asleep = m.asleep[:0]
	for n < len(segs) {
		if s.enough() {
			return n, s.end(n)
		}
		if len(m.waiting) > 0 && !s.advance(n == 0) {
			return n, nil
		}
		if len(m.heap) == 0 {
			if n > 0 || len(m.asleep) == 0 || !s.wait() {
				return n, s.end(n)
			}
			m.waiting, m.asleep = m.asleep, m.waiting
			continue
		}
		i := m.heap[0]
		if s.in[i].asleep != nil && !s.wake(i) {
			s.pop()
			continue
		}
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

// advance brings the waiting inputs to their next record. Without block it returns false instead of reading.
func (s *files) advance(block bool) bool {
	m := &s.merge
	for k, i := range m.waiting {
		in := s.in[i]
		if in.done {
			continue
		}
		var err error
		if in.asleep == nil {
			err = in.next(&in.rec)
		}
		for err == errMore {
			if !block {
				m.waiting = append(m.waiting[:0], m.waiting[k:]...)
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
			m.asleep = append(m.asleep, i)
		default:
			s.finish(in, err)
		}
	}
	m.waiting = m.waiting[:0]
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
