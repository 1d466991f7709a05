package capture

import (
	"errors"
	"io"
)

const (
	// windowSize is one read. It stays in the processor's second cache, and is over before the Go scheduler takes a
	// goroutine in a system call for one that waits: a twentieth faster than 256 KiB.
	windowSize = 64 << 10
	maxRecord  = 256 << 10 // octets of a frame, libpcap's and Wireshark's own bound; more is damage
	maxBlock   = 16 << 20  // octets of a pcapng block
)

var (
	// errMore says that the window does not hold the next record whole.
	errMore = errors.New("more input needed")
	// errWait says that a growing file has no more at the moment.
	errWait = errors.New("no more input at the moment")
)

// window is the part of an input in memory: buf[lo:hi], where records are read in place.
type window struct {
	src    io.Reader
	buf    []byte
	lo, hi int
	want   int // octets from lo that errMore asks for
}

// need returns errMore and notes that n octets from lo are wanted.
func (w *window) need(n int) error {
	w.want = n
	return errMore
}

// more reads until the wanted octets are there, and whatever comes with them. Slices of the window are void then.
// The buffer grows as octets arrive, never by what a length in the file promises.
func (w *window) more() error {
	for stalls := 0; w.hi-w.lo < w.want; {
		switch {
		case w.hi == len(w.buf) && w.lo == 0:
			w.buf = append(w.buf, make([]byte, len(w.buf))...) // a record larger than the window
		case w.lo > 0 && len(w.buf)-w.hi < len(w.buf)/2:
			w.hi = copy(w.buf, w.buf[w.lo:w.hi])
			w.lo = 0
		}
		n, err := w.src.Read(w.buf[w.hi:])
		w.hi += n
		if err != nil && w.hi-w.lo < w.want {
			return err
		}
		if n > 0 {
			stalls = 0
		} else if stalls++; stalls > 100 {
			return io.ErrNoProgress
		}
	}
	return nil
}
