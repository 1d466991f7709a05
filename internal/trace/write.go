package trace

import (
	"math"
	"strconv"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// MaxNames bounds the endpoints that a Writer names and remembers; beyond it the addresses themselves are written.
const MaxNames = 1 << 16

// Writer writes segments as lines. It names each endpoint when it first appears and leaves out what a reader of the
// lines before would fill in. The zero Writer begins a trace; its origin is the second of the first segment.
type Writer struct {
	names   map[tcp.Endpoint]*named
	text    map[string]bool // names taken
	origin  int64
	now     int64
	number  uint64
	pair    [2]tcp.Endpoint
	started bool
}

// named is what a Writer remembers of an endpoint.
type named struct {
	text  []byte
	order int
	id    uint16 // the latest
}

// Segment appends the segment's line to dst, and before it the lines that bind its endpoints' names where they are new.
func (w *Writer) Segment(dst []byte, s *tcp.Segment) []byte {
	if !w.started {
		dst = w.setOrigin(dst, s.Time-s.Time%int64(time.Second))
	}
	rel := s.Time - w.origin
	if (s.Time > w.origin) != (rel > 0) || rel == math.MinInt64 {
		dst = w.setOrigin(dst, s.Time-s.Time%int64(time.Second)) // three centuries on: only a broken clock comes here
		rel = s.Time - w.origin
	}
	srcEnd, dstEnd := s.Ends()
	src, dst := w.name(dst, srcEnd)
	to, dst := w.name(dst, dstEnd)
	w.now = max(w.now, s.Time)

	dst = appendSeconds(dst, rel)
	dst = append(dst, ' ')
	dst = appendName(dst, src, srcEnd)
	dst = append(dst, " > "...)
	dst = appendName(dst, to, dstEnd)
	dst = append(dst, ": "...)
	dst = appendFlags(dst, s.Flags)
	dst = appendUint(dst, uint64(s.Seq))
	dst = append(dst, ':')
	dst = strconv.AppendUint(dst, uint64(s.Seq.Add(s.Len)), 10)
	dst = append(dst, '(')
	dst = strconv.AppendInt(dst, int64(s.Len), 10)
	dst = append(dst, ')')
	if s.Flags.Has(tcp.ACK) || s.Ack != 0 {
		dst = appendUint(append(dst, " ack"...), uint64(s.Ack))
	}
	dst = appendUint(append(dst, " win"...), uint64(s.Window))
	dst = appendOptions(dst, &s.Options)
	if s.Urgent != 0 {
		dst = appendUint(append(dst, " urg"...), uint64(s.Urgent))
	}
	if s.Flow.V6 == 0 && (src == nil || s.IPID != src.id+1) {
		dst = appendUint(append(dst, " id"...), uint64(s.IPID))
	}
	if src != nil {
		src.id = s.IPID
	}
	if s.TTL != 64 {
		dst = appendUint(append(dst, " ttl"...), uint64(s.TTL))
	}
	dst = appendSum(dst, s)
	if s.Number != w.number+1 {
		dst = appendUint(append(dst, " num"...), s.Number)
	}
	w.number = s.Number
	if s.VLAN != [2]uint16{} {
		dst = appendUint(append(dst, " vlan"...), uint64(s.VLAN[0]))
		if s.VLAN[1] != 0 {
			dst = append(dst, '.')
			dst = strconv.AppendUint(dst, uint64(s.VLAN[1]), 10)
		}
	}
	if s.IPLen != defaultIPLen(s) {
		dst = appendUint(append(dst, " iplen"...), uint64(max(s.IPLen, 0)))
	}
	if s.Beyond != 0 {
		dst = appendUint(append(dst, " beyond"...), uint64(s.Beyond))
	}
	w.pair = [2]tcp.Endpoint{srcEnd, dstEnd}
	if src != nil && to != nil && to.order < src.order {
		w.pair = [2]tcp.Endpoint{dstEnd, srcEnd}
	}
	return append(dst, '\n')
}

// Expect appends the line that expects these states; the pair is named where it is not the latest segment's.
func (w *Writer) Expect(dst []byte, x Ends) []byte {
	var pair [2]*named
	if x.Of != w.pair || x.Named {
		pair[0], dst = w.name(dst, x.Of[0])
		pair[1], dst = w.name(dst, x.Of[1])
		dst = appendName(append(dst, "= "...), pair[0], x.Of[0])
		dst = appendName(append(dst, ' '), pair[1], x.Of[1])
		dst = append(dst, ": "...)
	} else {
		dst = append(dst, "= "...)
	}
	dst = append(dst, x.Are[0].String()...)
	dst = append(dst, ' ')
	dst = append(dst, x.Are[1].String()...)
	return append(dst, '\n')
}

// Finding appends the line that expects these findings.
func (w *Writer) Finding(dst []byte, f Found) []byte {
	dst = append(dst, [...]string{"!", "!-", "!!"}[f.Is]...)
	if f.Is == Exactly && len(f.Codes) == 0 {
		dst = append(dst, " none"...)
	}
	for _, code := range f.Codes {
		dst = append(append(dst, ' '), code...)
	}
	if f.Culprit != "" {
		dst = append(append(dst, ' '), f.Culprit...)
	}
	return append(dst, '\n')
}

// Advance appends the line that lets time pass until to, nanoseconds since 1970 UTC.
func (w *Writer) Advance(dst []byte, to int64) []byte {
	if !w.started {
		dst = w.setOrigin(dst, to-to%int64(time.Second))
	}
	dst = appendSeconds(append(dst, "@ +"...), max(to-w.now, 0))
	w.now = max(w.now, to)
	return append(dst, "s\n"...)
}

// Gap appends the line that says that the capture lost packets here.
func (w *Writer) Gap(dst []byte) []byte { return append(dst, "gap\n"...) }

// Append appends the trace as text.
func (t *Trace) Append(dst []byte) []byte {
	var w Writer
	if t.Title != "" {
		dst = append(append(append(dst, "# "...), t.Title...), '\n')
	}
	dst = w.setOrigin(dst, t.Origin)
	for _, n := range t.Names {
		w.take(n.Text)
	}
	for _, n := range t.Names {
		if n.Text != "" {
			dst = w.bind(dst, n.Text, n.Endpoint)
		} else {
			_, dst = w.name(dst, n.Endpoint)
		}
	}
	for i := range t.Items {
		switch it := &t.Items[i]; it.Kind {
		case Segment:
			dst = w.Segment(dst, &it.Segment)
		case Expect:
			dst = w.Expect(dst, it.Ends)
		case Finding:
			dst = w.Finding(dst, it.Found)
		case Advance:
			dst = w.Advance(dst, it.Time)
		case Gap:
			dst = w.Gap(dst)
		}
	}
	return dst
}

// setOrigin begins to count times from ns, nanoseconds since 1970 UTC.
func (w *Writer) setOrigin(dst []byte, ns int64) []byte {
	if ns != DefaultOrigin || w.started {
		dst = time.Unix(0, ns).UTC().AppendFormat(append(dst, "origin "...), time.RFC3339Nano)
		dst = append(dst, '\n')
	}
	if !w.started {
		w.now = ns
	}
	w.origin, w.started = ns, true
	return dst
}

// name finds the endpoint's name and binds one where it has none; it is nil beyond MaxNames.
func (w *Writer) name(dst []byte, e tcp.Endpoint) (*named, []byte) {
	n, ok := w.names[e]
	if ok || len(w.names) >= MaxNames {
		return n, dst
	}
	text := letters(len(w.names))
	for i := len(w.names); w.text[text]; {
		i++
		text = letters(i)
	}
	dst = w.bind(dst, text, e)
	return w.names[e], dst
}

func (w *Writer) bind(dst []byte, text string, e tcp.Endpoint) []byte {
	w.take(text)
	if w.names == nil {
		w.names = map[tcp.Endpoint]*named{}
	}
	w.names[e] = &named{text: []byte(text), order: len(w.names)}
	dst = append(append(dst, text...), '=')
	dst = e.AddrPort().AppendTo(dst)
	return append(dst, '\n')
}

// take keeps the name from being given to another endpoint.
func (w *Writer) take(text string) {
	if w.text == nil {
		w.text = map[string]bool{}
	}
	w.text[text] = true
}

// letters counts A, B, ... Z, AA, AB as a spreadsheet names its columns.
func letters(i int) string {
	var b [8]byte
	at := len(b)
	for i++; i > 0; i = (i - 1) / 26 {
		at--
		b[at] = 'A' + byte((i-1)%26)
	}
	return string(b[at:])
}

func appendName(dst []byte, n *named, e tcp.Endpoint) []byte {
	if n == nil {
		return e.AddrPort().AppendTo(dst)
	}
	return append(dst, n.text...)
}

// appendSeconds appends nanoseconds as seconds with three, six or nine decimals. ns is not the least int64.
func appendSeconds(dst []byte, ns int64) []byte {
	if ns < 0 {
		dst, ns = append(dst, '-'), -ns
	}
	dst = strconv.AppendInt(dst, ns/1e9, 10)
	frac, digits := ns%1e9, 9
	for digits > 3 && frac%1000 == 0 {
		frac, digits = frac/1000, digits-3
	}
	dst = append(dst, '.')
	for digits--; digits >= 0; digits-- {
		dst = append(dst, '0')
	}
	for at := len(dst) - 1; frac > 0; frac /= 10 {
		dst[at] = '0' + byte(frac%10)
		at--
	}
	return dst
}

func appendFlags(dst []byte, f tcp.Flags) []byte {
	n := len(dst)
	for i := range len(flagLetters) {
		if f&(1<<i) != 0 {
			dst = append(dst, flagLetters[i])
		}
	}
	if len(dst) == n {
		dst = append(dst, "none"...)
	}
	return dst
}

func appendOptions(dst []byte, o *tcp.Options) []byte {
	sep := " <"
	for i := range options {
		opt := &options[i]
		if o.Has&opt.has == 0 {
			continue
		}
		dst = append(append(dst, sep...), opt.name...)
		if opt.append != nil {
			dst = opt.append(dst, o)
		}
		sep = ","
	}
	if sep == "," {
		dst = append(dst, '>')
	}
	return dst
}

func appendSum(dst []byte, s *tcp.Segment) []byte {
	switch {
	case s.Sum == tcp.SumBad:
		dst = append(dst, " badsum"...)
	case s.Sum == tcp.SumPartial:
		dst = append(dst, " partsum"...)
	case s.Sum == tcp.SumUnknown && !s.Snap:
		dst = append(dst, " nosum"...)
	case s.Sum == tcp.SumGood && s.Snap:
		dst = append(dst, " goodsum"...)
	}
	if s.Snap {
		dst = append(dst, " snap"...)
	}
	return dst
}
