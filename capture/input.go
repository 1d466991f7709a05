package capture

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// input is one file or stream being read.
type input struct {
	name    string
	file    io.ReadCloser
	w       window
	pcap    *pcap // one of these two, once the first octets have been looked at
	ng      *pcapng
	unpack  *unpacker
	packets uint64 // records taken from it
	size    int64
	stream  bool        // not a regular file: nothing is read of it before the first Read
	asleep  os.FileInfo // closed until its first record's turn comes, by what it is known again; nil: it is open
	rec     record      // its next record, when merging
	done    bool
	names   bool            // of interfaces are wanted
	shown   *Interface      // of a classic pcap, once it was asked for
	quit    <-chan struct{} // the source's
}

// tail counts the octets read from a file and, where the file grows, tells its end as errWait.
type tail struct {
	r     io.Reader
	read  *atomic.Int64
	grows bool
}

func (t *tail) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	t.read.Add(int64(n))
	if err == io.EOF && t.grows {
		err = errWait
	}
	return n, err
}

// openInput opens a file by its name; "-" is stdin. A glance is at a file that will be opened again: what is read of it
// now does not count.
func openInput(name string, opt *Options, s *files, glance bool) (*input, error) {
	in := &input{name: name, quit: s.quit, names: opt.Recorder != nil}
	t := &tail{read: &s.read}
	if name == "-" {
		in.name = "standard input"
		in.stream = true
		t.r = opt.Stdin
		if t.r == nil {
			t.r = os.Stdin
		}
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("capture: open %s: %w", name, bare(err))
		}
		info, err := f.Stat()
		if err == nil && info.IsDir() {
			err = errors.New("is a directory; name the capture files in it")
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("capture: open %s: %w", name, bare(err))
		}
		in.stream = !info.Mode().IsRegular()
		if !in.stream {
			in.size = info.Size()
			t.grows = opt.Follow
			if glance && !opt.Follow {
				t.read = new(atomic.Int64)
			}
		}
		in.file, t.r = f, f
	}
	in.w = window{src: t, buf: make([]byte, windowSize), want: 4}
	return in, nil
}

// bare takes operation and path off an error of package os; the caller names them.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// more reads on. errWait says that a growing file has nothing now.
func (in *input) more() error { return in.w.more() }

// next reads the next record from the window, errMore if more input is needed.
//
// The calls are static for speed: through an interface, rec would move to the heap and every frame through the
// collector's write barrier.
func (in *input) next(rec *record) error {
	switch {
	case in.pcap != nil:
		return in.pcap.next(rec)
	case in.ng != nil:
		return in.ng.next(rec)
	}
	if err := in.sniff(); err != nil {
		return err
	}
	return in.next(rec)
}

// known says that the format has been found out.
func (in *input) known() bool { return in.pcap != nil || in.ng != nil }

// sniff finds out the format from the first octets, through one layer of compression.
func (in *input) sniff() error {
	w := &in.w
	b := w.buf[w.lo:w.hi]
	if len(b) < 4 {
		return w.need(4)
	}
	var err error
	switch {
	case isPcap(b):
		if len(b) < pcapHeader {
			return w.need(pcapHeader)
		}
		in.pcap, err = newPcap(w)
	case isPcapng(b):
		in.ng = newPcapng(w)
		in.ng.names = in.names
	case in.unpack == nil && packed(b) != nil:
		return in.decompress(packed(b))
	default:
		return unknownFormat(b)
	}
	return err
}

// decompress puts a decompressor between the file and the window, fed with what the window already holds.
func (in *input) decompress(open opener) error {
	w := &in.w
	held := append([]byte(nil), w.buf[w.lo:w.hi]...)
	if t, ok := w.src.(*tail); ok {
		t.grows = false // a decompressor cannot wait
	}
	in.unpack = unpack(open, held, w.src, in.quit)
	w.src, w.lo, w.hi = in.unpack, 0, 0
	return w.need(4)
}

func (in *input) close() {
	if in.file != nil {
		in.file.Close()
	}
	if in.unpack != nil {
		in.unpack.close()
	}
	in.done = true
	in.w.buf = nil
}

// ended turns the error that ended an input into a warning; nil for a clean end.
func (in *input) ended(err error) *Warning {
	rest := in.w.hi - in.w.lo
	w := &Warning{File: in.name, Packet: in.packets + 1}
	var d damaged
	switch {
	case errors.As(err, &d):
		w.What = string(d)
		w.Next = "everything before it is counted, nothing after it"
	case err == io.EOF && rest == 0:
		return nil
	case err == io.EOF:
		w.What = "cut short: the file ends within this packet"
		w.Next = "everything before it is counted; files copied from a running capture end so"
	case errors.Is(err, io.ErrUnexpectedEOF):
		w.What = "the compressed file is cut short"
		w.Next = "everything before it is counted"
	default:
		w.What = fmt.Sprintf("cannot be read on: %v", bare(err))
		w.Next = "everything before it is counted"
	}
	return w
}
