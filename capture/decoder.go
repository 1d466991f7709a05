package capture

import "github.com/tcptrack/tcptrack/internal/tcp"

// maxDepth bounds how many encapsulations a frame may nest. Real ones have four at most.
const maxDepth = 16

// decoder turns frames into segments. Its methods take the rest of a frame, and fill the segment on the way in: what a
// tunnel's outer header wrote, the inner one overwrites, so that the innermost TCP counts.
type decoder struct {
	checksum  ChecksumMode
	now       int64 // time of the record
	missing   int   // octets that the innermost length so far promises behind the slice's end
	beyond    int   // octets of these that the frame, by its own length on the wire, has no room for
	depth     int
	fragments fragments
}

// decode fills seg from the frame, all but Number. It returns taken, or why there is no segment.
func (d *decoder) decode(rec *record, seg *tcp.Segment) Skip {
	if rec.link == linkEthernet && d.straight(rec.frame, rec.orig, seg) {
		seg.Time = rec.time
		return taken
	}
	return d.layers(rec, seg)
}

// layers decodes a frame layer by layer.
func (d *decoder) layers(rec *record, seg *tcp.Segment) Skip {
	d.begin(rec, seg)
	if rec.link == linkEthernet {
		return d.ethernet(rec.frame, seg)
	}
	return d.link(rec.link, rec.frame, seg)
}

// begin empties seg for a record.
func (d *decoder) begin(rec *record, seg *tcp.Segment) {
	*seg = tcp.Segment{Time: rec.time}
	d.now = rec.time
	d.depth, d.beyond = 0, 0
	d.missing = max(rec.orig-len(rec.frame), 0)
}

// deeper counts one encapsulation and says whether it is one too many.
func (d *decoder) deeper() bool {
	d.depth++
	return d.depth > maxDepth
}

// cut limits b to the n octets that a header promises, and notes what of them is missing, and what never was there.
func (d *decoder) cut(b []byte, n int) []byte {
	d.beyond = max(n-len(b)-d.missing+d.beyond, 0)
	if n <= len(b) {
		d.missing = 0
		return b[:n]
	}
	d.missing = n - len(b)
	return b
}
