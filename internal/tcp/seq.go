package tcp

// Seq is a position in one direction's sequence space, modulo 2^32 (RFC 9293 3.4).
// Positions are compared by the signed distance between them, never by <.
type Seq uint32

// Add returns the position n octets on; n may be negative.
func (s Seq) Add(n int) Seq { return s + Seq(int32(n)) }

// Sub returns the distance from t to s, negative when s comes before t. It is meaningful for positions less than
// 2^31 apart.
func (s Seq) Sub(t Seq) int { return int(int32(s - t)) }

// Before says that s comes before t.
func (s Seq) Before(t Seq) bool { return int32(s-t) < 0 }

// After says that s comes after t.
func (s Seq) After(t Seq) bool { return int32(s-t) > 0 }

// InRange says that s lies in [lo, hi).
func (s Seq) InRange(lo, hi Seq) bool { return s-lo < hi-lo }

// Max returns the later of the two positions.
func (s Seq) Max(t Seq) Seq {
	if s.Before(t) {
		return t
	}
	return s
}

// Min returns the earlier of the two positions.
func (s Seq) Min(t Seq) Seq {
	if t.Before(s) {
		return t
	}
	return s
}

// Range is the half-open interval [Lo, Hi) of sequence numbers, as a SACK block gives it (RFC 2018 3).
type Range struct{ Lo, Hi Seq }

// Len returns the number of octets in the range.
func (r Range) Len() int { return r.Hi.Sub(r.Lo) }
