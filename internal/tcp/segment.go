package tcp

// Segment is one captured TCP segment: header fields, options and what of the IP header the state machine needs. It
// holds no payload and no pointer; the reader of a capture fills it in the caller's memory.
type Segment struct {
	Time   int64  // capture time, nanoseconds since 1970 UTC
	Number uint64 // the record's number in the capture, from 1, counting every record

	Flow FlowKey
	Dir  Dir // which end of Flow sent it

	// Beyond is how many octets of IPLen the frame had no room for by its own length: a tool cut it and did not say so.
	Beyond uint16

	Seq    Seq
	Ack    Seq // meaningful iff Flags has ACK
	Len    int // payload octets by the IP length, which may exceed what was captured
	IPLen  int // octets of the IP packet, header included
	Flags  Flags
	Window uint16 // the raw field, not scaled
	Urgent uint16 // meaningful iff Flags has URG

	IPID uint16 // meaningful iff Flow.V6 is 0
	TTL  uint8  // or hop limit
	Sum  Sum
	Snap bool // the capture does not hold the whole segment

	Copy     Copy // meaningful where it is tracked apart from segments of other flows
	Filtered bool // a capture filter leaves it out: it counts in the numbers of connections and streams alone

	VLAN [2]uint16 // VLAN identifiers, outer first, 0 where there is none

	Options Options
}

// SegLen is SEG.LEN of RFC 9293 3.3.1: the payload, plus one for SYN and one for FIN.
func (s *Segment) SegLen() int { return s.Len + int(s.Flags&SYN/SYN) + int(s.Flags&FIN/FIN) }

// End is the first sequence number after the segment.
func (s *Segment) End() Seq { return s.Seq.Add(s.SegLen()) }

// Ends returns sender and receiver.
func (s *Segment) Ends() (src, dst Endpoint) {
	a, b := s.Flow.Ends()
	if s.Dir == FromB {
		return b, a
	}
	return a, b
}

// Sum is what is known of a segment's checksum (RFC 9293 3.1).
type Sum uint8

const (
	SumUnknown Sum = iota // not verified, or not captured whole
	SumGood
	SumBad
	SumPartial // the pseudo-header's sum alone: the sender's network card was to finish it
	SumNever   // not asked for: the header's length is impossible, and no host takes the segment
)

// Copy is what the frames just before a segment's in the capture say of it.
type Copy uint8

const (
	CopyOfNone    Copy = iota // none of them holds the same
	CopyAlone                 // one does, within a millisecond
	CopyAmongMany             // likewise, and so it is with many frames of the capture
)

// OptionSet says which options a segment carries.
type OptionSet uint16

const (
	HasMSS       OptionSet = 1 << iota // RFC 9293 3.2
	HasWScale                          // RFC 7323 2
	HasSACKOK                          // RFC 2018 2
	HasTS                              // RFC 7323 3
	HasSACK                            // RFC 2018 3
	HasFastOpen                        // RFC 7413 4.1.1 (and its experimental form, kind 254 magic F989)
	HasMPTCP                           // RFC 8684 3
	HasUTO                             // RFC 5482
	HasMD5                             // RFC 2385
	HasAO                              // RFC 5925
	OptionBroken                       // a length that does not fit: what came before it counts
)

// Options are the TCP options of one segment. A field is meaningful iff its bit is in Has.
type Options struct {
	Has      OptionSet
	MSS      uint16
	WScale   uint8 // as sent; a value over 14 acts as 14 (RFC 7323 2.3)
	NSACK    uint8 // blocks in SACK, at most 4
	Cookie   uint8 // octets of the Fast Open cookie, 0 for a request
	TSVal    uint32
	TSEcr    uint32
	SACK     [4]Range
	MPTCPSub uint8 // MPTCP subtype (RFC 8684 9.3)
}
