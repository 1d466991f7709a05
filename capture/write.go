package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Format is how a file is written.
type Format uint8

const (
	Pcapng Format = iota
	Pcap          // the classic form, with nanoseconds: one link type, neither names nor comments
)

// FormatOf is the format that a name asks for: classic where it ends in .pcap, else pcapng.
func FormatOf(name string) Format {
	if strings.HasSuffix(strings.ToLower(name), ".pcap") {
		return Pcap
	}
	return Pcapng
}

// Bounds of what is written.
const (
	writeBuffer = 64 << 10 // handed on when it is full, or at Flush
	maxComment  = 4 << 10  // octets of one comment
)

// Options of pcapng blocks (draft-ietf-opsawg-pcapng 3.5, 4).
const (
	optionEnd         = 0
	optionComment     = 1
	optionName        = 2 // of an interface description
	optionDescription = 3
	optionApplication = 4 // of a section header
	optionDrops       = 5 // of interface statistics
	optionResolution  = 9 // of an interface description
)

// Writer writes packets into one capture file. The first error of the file stays; what Write refuses without harm to
// the file is a *LeftOutError.
type Writer struct {
	out      io.Writer
	format   Format
	err      error
	buf      []byte
	size     int64  // octets so far, those in buf among them
	packets  uint64 // so far, those in buf among them
	saved    uint64 // those handed on
	begun    bool   // a classic file has its header
	link     uint32 // of a classic file
	ids      map[Interface]uint32
	latest   *Interface // and its number
	latestID uint32
	last     int64 // time of the latest packet
	left     map[uint32]bool
}

// LeftOutError says why a packet cannot stand in the file.
type LeftOutError struct {
	What  string
	First bool // no packet was left out for that reason before
}

func (e *LeftOutError) Error() string { return e.What }

// NewWriter begins a file on out. A pcapng section names the application and holds the comment, if there is one.
func NewWriter(out io.Writer, format Format, application, comment string) *Writer {
	w := &Writer{out: out, format: format, ids: map[Interface]uint32{}, left: map[uint32]bool{}}
	if format == Pcapng {
		w.block(blockSection, func(b []byte) []byte {
			b = binary.LittleEndian.AppendUint32(b, byteOrderMagic)
			b = binary.LittleEndian.AppendUint16(b, 1) // version 1.0
			b = binary.LittleEndian.AppendUint16(b, 0)
			b = append(b, "\xff\xff\xff\xff\xff\xff\xff\xff"...) // of unknown length
			if comment != "" {
				b = appendOption(b, optionComment, Comment(comment))
			}
			b = appendOption(b, optionApplication, application)
			return binary.LittleEndian.AppendUint32(b, optionEnd)
		})
	}
	return w
}

// Write adds a packet, with comments in a pcapng file. Nothing of r is kept.
func (w *Writer) Write(r *Record, comments ...string) error {
	if w.err != nil {
		return w.err
	}
	if len(r.Data) > maxRecord {
		return w.leave(1<<31, "a packet of more than 256 KiB cannot stand in a capture file")
	}
	if w.format == Pcap {
		return w.classic(r)
	}
	id, err := w.id(r.Interface)
	if err != nil {
		return err
	}
	ticks := uint64(max(r.Time, 0))
	start := len(w.buf)
	b := w.open(blockPacket)
	b = binary.LittleEndian.AppendUint32(b, id)
	b = binary.LittleEndian.AppendUint32(b, uint32(ticks>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(ticks))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(r.Length))
	b = pad(append(b, r.Data...), len(r.Data))
	for _, c := range comments {
		b = appendOption(b, optionComment, Comment(c))
	}
	if len(comments) > 0 {
		b = binary.LittleEndian.AppendUint32(b, optionEnd)
	}
	w.shut(b, start)
	return w.added(r)
}

// classic adds a packet to a classic file, which the first packet gives its link type.
func (w *Writer) classic(r *Record) error {
	on := r.Interface
	if !w.begun {
		w.begin(on.Link, on.Snap)
	}
	if on.Link != w.link {
		return w.leave(on.Link, fmt.Sprintf("a classic pcap file holds one link type: this one %d, and a packet has %d", w.link, on.Link))
	}
	ns := max(r.Time, 0)
	b := binary.LittleEndian.AppendUint32(w.buf, uint32(ns/1e9))
	b = binary.LittleEndian.AppendUint32(b, uint32(ns%1e9))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(r.Length))
	b = append(b, r.Data...)
	w.size += int64(len(b) - len(w.buf))
	w.buf = b
	return w.added(r)
}

// begin writes the header of a classic file.
func (w *Writer) begin(link, snap uint32) {
	w.begun, w.link = true, link
	if snap == 0 {
		snap = maxRecord
	}
	b := binary.LittleEndian.AppendUint32(w.buf, magicNano)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = binary.LittleEndian.AppendUint32(b, snap)
	w.buf = binary.LittleEndian.AppendUint32(b, link)
	w.size += pcapHeader
}

// leave refuses a packet for a reason, which is worth a word once.
func (w *Writer) leave(reason uint32, what string) error {
	first := !w.left[reason]
	if first && len(w.left) < maxWarnings {
		w.left[reason] = true
	}
	return &LeftOutError{what, first && len(w.left) < maxWarnings}
}

// added counts a packet, and hands the buffer on when it is full.
func (w *Writer) added(r *Record) error {
	w.packets++
	w.last = r.Time
	if len(w.buf) >= writeBuffer {
		return w.Flush()
	}
	return nil
}

// id returns the number of an interface, described when its first packet comes.
func (w *Writer) id(on *Interface) (uint32, error) {
	if on == w.latest {
		return w.latestID, nil
	}
	id, ok := w.ids[*on]
	if !ok {
		switch {
		case on.Link > 0xffff:
			return 0, w.leave(on.Link, fmt.Sprintf("link type %d has no place in pcapng", on.Link))
		case len(w.ids) == maxInterfaces:
			return 0, w.leave(1<<31, "more than 65536 interfaces")
		}
		id = w.describe(on)
	}
	w.latest, w.latestID = on, id
	return id, nil
}

func (w *Writer) describe(on *Interface) uint32 {
	id := uint32(len(w.ids))
	w.ids[*on] = id
	w.block(blockInterface, func(b []byte) []byte {
		b = binary.LittleEndian.AppendUint16(b, uint16(on.Link))
		b = binary.LittleEndian.AppendUint16(b, 0)
		b = binary.LittleEndian.AppendUint32(b, on.Snap)
		if on.Name != "" {
			b = appendOption(b, optionName, on.Name)
		}
		if on.Description != "" {
			b = appendOption(b, optionDescription, on.Description)
		}
		b = appendOption(b, optionResolution, "\x09")
		return binary.LittleEndian.AppendUint32(b, optionEnd)
	})
	return id
}

// Size is how many octets the file has so far, those not yet handed on among them.
func (w *Writer) Size() int64 { return w.size }

// Packets is how many packets were taken, Saved how many of them were handed on to the file.
func (w *Writer) Packets() uint64 { return w.packets }

// Saved is how many packets were handed on to the file.
func (w *Writer) Saved() uint64 { return w.saved }

// Flush hands on what is buffered.
func (w *Writer) Flush() error {
	if w.err == nil && len(w.buf) > 0 {
		if _, w.err = w.out.Write(w.buf); w.err == nil {
			w.saved = w.packets
		}
	}
	w.buf = w.buf[:0]
	return w.err
}

// Finish ends the file with the statistics of its interfaces: dropped is what the capturing system lost of it. It does
// not close what it writes to.
func (w *Writer) Finish(dropped uint64, comments ...string) error {
	if w.format == Pcap {
		if !w.begun {
			w.begin(linkEthernet, 0)
		}
		return w.Flush()
	}
	if len(w.ids) == 0 {
		w.describe(&Interface{Link: linkEthernet}) // without any, some readers take the file for damaged
	}
	for id := range uint32(len(w.ids)) {
		w.block(blockStatistics, func(b []byte) []byte {
			ticks := uint64(max(w.last, 0))
			b = binary.LittleEndian.AppendUint32(b, id)
			b = binary.LittleEndian.AppendUint32(b, uint32(ticks>>32))
			b = binary.LittleEndian.AppendUint32(b, uint32(ticks))
			if id == 0 { // the loss is the system's, not one interface's; readers add up
				for _, c := range comments {
					b = appendOption(b, optionComment, Comment(c))
				}
				b = appendOption(b, optionDrops, string(binary.LittleEndian.AppendUint64(nil, dropped)))
			}
			return binary.LittleEndian.AppendUint32(b, optionEnd)
		})
	}
	return w.Flush()
}

// block appends a block whose body is made by fill.
func (w *Writer) block(kind uint32, fill func([]byte) []byte) {
	start := len(w.buf)
	w.shut(fill(w.open(kind)), start)
}

// open begins a block, of which the length is not known yet.
func (w *Writer) open(kind uint32) []byte {
	return append(binary.LittleEndian.AppendUint32(w.buf, kind), 0, 0, 0, 0)
}

// shut ends the block that begins at start.
func (w *Writer) shut(b []byte, start int) {
	n := len(b) + 4 - start
	binary.LittleEndian.PutUint32(b[start+4:], uint32(n))
	w.buf = binary.LittleEndian.AppendUint32(b, uint32(n))
	w.size += int64(n)
}

// pad appends what makes n octets a multiple of four.
func pad(b []byte, n int) []byte {
	return append(b, "\x00\x00\x00"[:-n&3]...)
}

func appendOption(b []byte, code uint16, v string) []byte {
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(v)))
	return pad(append(b, v...), len(v))
}

// Comment is a text as a comment takes it: valid UTF-8, without control characters but line ends, at most 4 KiB.
func Comment(text string) string {
	plain := func(r rune) bool { return r == '\n' || unicode.IsPrint(r) && r != utf8.RuneError }
	if strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		var b strings.Builder
		for _, r := range text {
			if plain(r) || r == utf8.RuneError {
				b.WriteRune(r)
			} else {
				q := strconv.QuoteRune(r)
				b.WriteString(q[1 : len(q)-1])
			}
		}
		text = b.String()
	}
	if len(text) <= maxComment {
		return text
	}
	cut := maxComment - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
