package pipeline

import (
	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Of a file of whole packets a third of the time goes into copying octets that nobody looks at. There a goroutine of its
// own reads and decodes ahead of the one that tracks: 0.60 of the time on S, for 1.00 to 1.06 of the processors'. What
// is cut at 96 octets gains a tenth and costs more than that, so it is read as ever (capture.EagerSource).

const (
	readsOfLot = 16 // with fewer, or fewer lots, the two wake each other too often: 0.67 of the time
	lots       = 4
)

// lot is what several Reads gave.
type lot struct {
	segs  [readsOfLot * batch]tcp.Segment
	reads [readsOfLot]readOf
	n     int // of reads
}

// readOf is what one of them gave.
type readOf struct {
	n     int
	err   error
	stats capture.Stats
}

// loopAhead is loop with a goroutine that reads ahead; every Read is tracked as there.
func (r *run) loopAhead() error {
	full, free, done := make(chan *lot, lots), make(chan *lot, lots), make(chan struct{})
	defer close(done)
	for range lots {
		free <- new(lot)
	}
	go readLots(r.src, free, full, done)
	for {
		l := <-full
		if over, err := r.takeAll(l); over {
			return err
		}
		free <- l
	}
}

// takeAll is take for what several Reads gave.
func (r *run) takeAll(l *lot) (over bool, err error) {
	segs := l.segs[:]
	for i := range l.reads[:l.n] {
		read := &l.reads[i]
		if over, err = r.take(segs[:read.n], read.err, read.stats); over {
			break
		}
		segs = segs[read.n:]
	}
	return over, err
}

// readLots reads until the source ends, or done is closed.
func readLots(src capture.Source, free <-chan *lot, full chan<- *lot, done <-chan struct{}) {
	for {
		var l *lot
		select {
		case l = <-free:
		case <-done:
			return
		}
		more := l.fill(src)
		full <- l // there is room for all of them
		if !more {
			return
		}
	}
}

// fill takes in what the source gives, and says whether there may be more.
func (l *lot) fill(src capture.Source) bool {
	segs, err := l.segs[:], error(nil)
	for l.n = 0; l.n < readsOfLot && err == nil; l.n++ {
		read := &l.reads[l.n]
		read.n, err = src.Read(segs[:batch])
		read.err, read.stats = err, src.Stats()
		segs = segs[read.n:]
	}
	return err == nil
}
