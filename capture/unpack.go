package capture

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// opener starts a decompressor. It may read at once.
type opener func(io.Reader) (io.Reader, func(), error)

// zstdMemory bounds a decoder's window; zstd --ultra --long=27 and more asks for more than this.
const zstdMemory = 64 << 20

// packed returns how to decompress what begins with b, nil if it is not compressed in a way known here.
func packed(b []byte) opener {
	switch {
	case bytes.HasPrefix(b, []byte{0x1f, 0x8b}):
		return func(r io.Reader) (io.Reader, func(), error) {
			z, err := gzip.NewReader(r)
			return z, func() {}, err
		}
	case bytes.HasPrefix(b, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return func(r io.Reader) (io.Reader, func(), error) {
			z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(zstdMemory), zstd.WithDecoderLowmem(true))
			if err != nil {
				return nil, nil, err
			}
			return z, z.Close, nil
		}
	}
	return nil
}

// chunk is what the decompressor hands over: octets, and after them perhaps the end.
type chunk struct {
	b   []byte
	err error
}

// unpacker decompresses in a goroutine of its own, at most two chunks ahead.
type unpacker struct {
	full, free chan chunk
	cur        chunk
	at         int
	stop       chan struct{}   // closed when the input is done with
	quit       <-chan struct{} // the source's
}

const chunkSize = 256 << 10

func unpack(open opener, held []byte, r io.Reader, quit <-chan struct{}) *unpacker {
	u := &unpacker{full: make(chan chunk, 2), free: make(chan chunk, 3), stop: make(chan struct{}), quit: quit}
	for range 3 {
		u.free <- chunk{}
	}
	go u.run(open, io.MultiReader(bytes.NewReader(held), r))
	return u
}

// run feeds full until the end of the input or Close.
func (u *unpacker) run(open opener, r io.Reader) {
	z, done, err := open(r)
	if err != nil {
		u.send(chunk{err: err})
		return
	}
	defer done()
	for err == nil {
		var c chunk
		select {
		case c = <-u.free:
		case <-u.stop:
			return
		case <-u.quit:
			return
		}
		if c.b == nil {
			c.b = make([]byte, chunkSize)
		}
		var n int
		// One Read, not a full buffer: on a stream what has arrived goes out.
		for stalls := 0; n == 0 && err == nil && stalls < 100; stalls++ {
			n, err = z.Read(c.b[:chunkSize])
		}
		if n == 0 && err == nil {
			err = io.ErrNoProgress
		}
		if !u.send(chunk{c.b[:n], err}) {
			return
		}
	}
}

func (u *unpacker) send(c chunk) bool {
	select {
	case u.full <- c:
		return true
	case <-u.stop:
	case <-u.quit:
	}
	return false
}

// Read implements io.Reader.
func (u *unpacker) Read(b []byte) (int, error) {
	if u.at == len(u.cur.b) {
		if u.cur.err != nil {
			return 0, u.cur.err
		}
		if u.cur.b != nil {
			select {
			case u.free <- chunk{b: u.cur.b[:chunkSize]}:
			default:
			}
		}
		select {
		case u.cur = <-u.full:
		case <-u.quit:
			u.cur = chunk{err: io.EOF}
		}
		u.at = 0
		if len(u.cur.b) == 0 {
			return 0, u.cur.err
		}
	}
	n := copy(b, u.cur.b[u.at:])
	u.at += n
	return n, nil
}

// close ends the goroutine. It is called once, by the reader.
func (u *unpacker) close() { close(u.stop) }
