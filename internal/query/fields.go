package query

import (
	"slices"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Kind is how a field's values are written.
type Kind uint8

const (
	Number  Kind = iota // 5, 10k
	Octets              // 512, 10KiB, 3MB
	Span                // 300ms, 30s, 1m30s, 2d
	Share               // 60%
	Moment              // 2026-11-22T06:43:29Z, or less of it
	Address             // an address, a network, an address with its port
	Word                // one of Field.Words, with wildcards
	Text                // exactly, or with wildcards
)

// Field is one thing that can be asked of a connection.
type Field struct {
	Name  string
	Also  []string // other names
	Kind  Kind
	Share bool // of a Span: a share of the connection's life may be asked as well
	Sided bool // client. and server. may stand in front
	Both  string
	Doc   string
	Like  string   // an example
	JSON  string   // its key in the connection's line; of a sided one, within client and server
	Words []string // of Word, in their order
	Order bool     // of Word: they can be compared

	crowd bool // a finding about a population has it
	reader
}

// sides says of which end something is asked.
type sides uint8

const (
	either sides = iota
	ofClient
	ofServer
)

// reader takes a field from a Subject; which of its functions is set depends on the kind.
type reader struct {
	// numbers says that one of the numbers, in the kind's unit, passes the test: nanoseconds, octets, millionths. What is
	// not known passes none.
	numbers func(s *Subject, of sides, test func(int64) bool) bool
	shares  func(s *Subject, of sides, test func(int64) bool) bool
	// words are the places in Field.Words of what it is, a bit each.
	words  func(s *Subject, of sides) uint64
	places func(s *Subject, of sides, test func(tcp.Endpoint) bool) bool
	text   func(s *Subject, to []byte) []byte
	blamed bool // it takes Config.Blame and Config.Analysis to be known
	zeeked bool // it takes Config.Zeek
	judged bool // it is about what was found
}

// What a sided field is without a side.
const (
	anyEnd   = "either"
	together = "sum"
	longer   = "longer"
)

var yesNo = []string{"no", "yes"}

// Fields lists all fields, in the order of the manual.
var Fields = []Field{
	{Name: "ip", Kind: Address, Sided: true, Both: anyEnd, Doc: "address, network, or address with its port", Like: "ip:10.0.3.0/24", JSON: "ip", crowd: true, reader: endpoint(either)},
	{Name: "port", Kind: Number, Sided: true, Both: anyEnd, Doc: "port", Like: "port:443,8000..8999", JSON: "port", crowd: true, reader: ports},
	{Name: "client", Kind: Address, Doc: "the client's address, as ip", Like: "client:10.0.0.0/8", JSON: "client", crowd: true, reader: endpoint(ofClient)},
	{Name: "server", Kind: Address, Doc: "the server's address, as ip", Like: "server:10.0.0.1:443", JSON: "server", crowd: true, reader: endpoint(ofServer)},
	{Name: "vlan", Kind: Number, Doc: "a VLAN identifier that its packets carry", Like: "vlan:12", JSON: "vlan", reader: numbers(vlans)},

	{Name: "state", Kind: Word, Sided: true, Both: anyEnd, Doc: "the estimate, spelled in any usual way", Like: "state:fin_wait1,close_wait", JSON: "state", Words: stateWords(),
		reader: endWord(func(e *tracker.End) uint64 { return 1 << e.State })},
	{Name: "possible", Kind: Word, Sided: true, Both: anyEnd, Doc: "a state that the evidence allows", Like: "server.possible:fin-wait-1", JSON: "possible", Words: stateWords(),
		reader: endWord(func(e *tracker.End) uint64 { return uint64(e.Possible) })},
	{Name: "basis", Kind: Word, Sided: true, Both: anyEnd, Doc: "whether the state is proven or presumed", Like: "server.basis:proven", JSON: "basis", Words: []string{"presumed", "proven"},
		reader: endWord(func(e *tracker.End) uint64 { return 1 << e.Basis })},
	{Name: "closed_by", Kind: Word, Doc: "who sent the first FIN or RST", Like: "closed_by:server", JSON: "closed_by", Words: []string{"none", "client", "server"},
		reader: word(func(s *Subject) uint64 { return closedBy(s.Conn) })},
	{Name: "how", Kind: Word, Doc: "the way it ended", Like: "how:rst", JSON: "how", Words: howWords(), reader: word(func(s *Subject) uint64 { return 1 << s.Conn.How })},

	{Name: "finding", Also: []string{"findings", "anomaly", "code"}, Kind: Word, Doc: "code of something found on it, or none", Like: "finding:zero-window-*", JSON: "findings", Words: codeWords(), crowd: true,
		reader: judged(word(codes))},
	{Name: "severity", Kind: Word, Order: true, Doc: "of something found on it", Like: "severity:>=warning", Words: severityWords(), crowd: true,
		reader: found(func(f *Found) uint64 { return 1 << f.Severity })},
	{Name: "culprit", Kind: Word, Doc: "whose fault something found on it is", Like: "culprit:client-app", Words: culpritWords(), crowd: true,
		reader: found(func(f *Found) uint64 { return 1 << f.Culprit })},
	{Name: "hidden_close", Kind: Word, Doc: "what is believed of a close behind a shut window", Like: "hidden_close:likely,confirmed", Words: hiddenWords(), crowd: true,
		reader: found(hidden)},

	{Name: "packets", Kind: Number, Sided: true, Both: together, Doc: "captured segments that it sent", Like: "packets:>10k", JSON: "packets", reader: total(func(e *tracker.End) uint64 { return e.Packets })},
	{Name: "bytes", Kind: Octets, Sided: true, Both: together, Doc: "their IP lengths", Like: "bytes:>10MiB", JSON: "bytes", reader: total(func(e *tracker.End) uint64 { return e.Bytes })},
	{Name: "payload_bytes", Kind: Octets, Sided: true, Both: together, Doc: "their payloads", Like: "server.payload_bytes:0", JSON: "payload_bytes", reader: total(func(e *tracker.End) uint64 { return e.PayloadBytes })},
	{Name: "stream_bytes", Kind: Octets, Sided: true, Both: together, Doc: "its payload, each octet once", Like: "stream_bytes:>1GiB", JSON: "stream_bytes", reader: total(func(e *tracker.End) uint64 { return e.StreamBytes })},
	{Name: "missed_bytes", Kind: Octets, Sided: true, Both: together, Doc: "acknowledged by its peer, never captured", Like: "missed_bytes:>0", JSON: "missed_bytes", reader: total(func(e *tracker.End) uint64 { return e.MissedBytes })},
	{Name: "unacked_bytes", Kind: Octets, Sided: true, Both: anyEnd, Doc: "never acknowledged by its peer", Like: "server.unacked_bytes:>0", JSON: "unacked_bytes",
		reader: eachEnd(func(e *tracker.End) (int64, bool) { return int64(e.UnackedBytes), e.Acked })},
	{Name: "retransmissions", Also: []string{"rtx"}, Kind: Number, Sided: true, Both: together, Doc: "segments that it sent again", Like: "retransmissions:>=3", JSON: "retransmissions", reader: total(func(e *tracker.End) uint64 { return e.Retransmissions })},
	{Name: "retransmitted", Kind: Share, Sided: true, Both: anyEnd, Doc: "the share of its segments that it sent again", Like: "retransmitted:>5%", reader: eachEnd(retransmitted)},
	{Name: "bad_checksums", Kind: Number, Sided: true, Both: together, Doc: "segments of it with a wrong checksum", Like: "bad_checksums:>0", JSON: "bad_checksums", reader: total(func(e *tracker.End) uint64 { return e.BadChecksums })},
	{Name: "zero_windows", Kind: Number, Sided: true, Both: together, Doc: "segments that announced its window as 0", Like: "client.zero_windows:>0", JSON: "zero_windows", reader: total(func(e *tracker.End) uint64 { return e.ZeroWindows })},
	{Name: "zero_window", Also: []string{"zero_window.duration", "zero_window_s"}, Kind: Span, Sided: true, Both: longer, Doc: "for how long its window was shut", Like: "zero_window:>=60s", JSON: "zero_window_s",
		reader: longest(func(e *tracker.End) (int64, bool) { return e.ShutTotal, true })},
	{Name: "shut", Also: []string{"zero_window_since"}, Kind: Word, Sided: true, Both: anyEnd, Doc: "its window is shut", Like: "client.shut:yes", JSON: "zero_window_since", Words: yesNo,
		reader: endWord(func(e *tracker.End) uint64 { return bit(e.ShutSince != 0) })},
	{Name: "probes", Also: []string{"zero_window.probes"}, Kind: Number, Sided: true, Both: together, Doc: "zero-window probes that it sent", Like: "server.probes:>10", JSON: "probes", reader: total(func(e *tracker.End) uint64 { return e.Probes })},
	{Name: "keepalives", Kind: Number, Sided: true, Both: together, Doc: "keepalives that it sent", Like: "keepalives:>0", JSON: "keepalives", reader: total(func(e *tracker.End) uint64 { return e.Keepalives })},

	{Name: "rtt", Also: []string{"rtt.mean"}, Kind: Span, Sided: true, Both: together, Doc: "mean round trip between the tap and its peer", Like: "rtt:>100ms", JSON: "rtt_ms", reader: trip(func(r *tracker.RTT) int64 { return r.Mean })},
	{Name: "rtt.min", Kind: Span, Sided: true, Both: together, Doc: "the shortest round trip", Like: "rtt.min:<1ms", JSON: "rtt_ms", reader: trip(func(r *tracker.RTT) int64 { return r.Min })},
	{Name: "rtt.max", Kind: Span, Sided: true, Both: together, Doc: "the longest round trip", Like: "rtt.max:>1s", JSON: "rtt_ms", reader: trip(func(r *tracker.RTT) int64 { return r.Max })},

	{Name: "start", Kind: Moment, Doc: "its first packet, in UTC unless a zone is given", Like: "start:>=2026-11-22T06:43", JSON: "start", reader: whole(func(c *tracker.Connection) (int64, bool) { return c.Start, true })},
	{Name: "end", Kind: Moment, Doc: "its latest packet", Like: "end:<2026-11-22", JSON: "end", reader: whole(func(c *tracker.Connection) (int64, bool) { return c.Last, true })},
	{Name: "duration", Also: []string{"age"}, Kind: Span, Doc: "from its first packet to its latest", Like: "duration:>5m", reader: whole(func(c *tracker.Connection) (int64, bool) { return c.Last - c.Start, true })},
	{Name: "idle", Kind: Span, Doc: "since its latest packet, to the capture's end", Like: "idle:>30s", reader: whole(func(c *tracker.Connection) (int64, bool) { return c.Now - c.Last, true })},
	{Name: "life", Also: []string{"life_ms"}, Kind: Span, Doc: "as duration; while open, to the capture's end", Like: "life:>1h", JSON: "life_ms",
		reader: blamed(whole(func(c *tracker.Connection) (int64, bool) { return c.Life, c.Blamed }))},
	{Name: "half_closed", Also: []string{"half_closed_ms"}, Kind: Span, Doc: "for how long only one end had closed", Like: "half_closed:>60s", JSON: "half_closed_ms",
		reader: blamed(whole(func(c *tracker.Connection) (int64, bool) { return c.HalfClosed, c.Half }))},
	blameField(tracker.BlameFlowing, "in which octets flowed or none were to send"),
	blameField(tracker.BlameHandshake, "in the handshake"),
	blameField(tracker.BlameWindowShut, "at the peer's shut window"),
	blameField(tracker.BlamePeerSilent, "in which the peer was silent"),
	blameField(tracker.BlameLoss, "to recover from loss"),
	blameField(tracker.BlameClosing, "after its FIN or a reset"),
	blameField(tracker.BlameGap, "in gaps of the capture"),
	analysisField(tracker.Retransmission), analysisField(tracker.FastRetransmission), analysisField(tracker.SpuriousRetransmission),
	analysisField(tracker.OutOfOrder), analysisField(tracker.DuplicateACK), analysisField(tracker.LostSegment), analysisField(tracker.ACKLostSegment),
	analysisField(tracker.WindowUpdate), analysisField(tracker.WindowFull), analysisField(tracker.ZeroWindow),
	analysisField(tracker.ZeroWindowProbe), analysisField(tracker.ZeroWindowProbeACK), analysisField(tracker.KeepAlive), analysisField(tracker.KeepAliveACK),
	analysisField(tracker.ReusedPorts), analysisField(tracker.FastOpenSYN), analysisField(tracker.FastOpenACK), analysisField(tracker.FastOpenIgnored),

	{Name: "conn", Kind: Number, Doc: "its number in order of first packet, from 0", Like: "conn:17", JSON: "conn", reader: whole(func(c *tracker.Connection) (int64, bool) { return int64(c.Conn), true })},
	{Name: "stream", Also: []string{"streams", "tcp.stream"}, Kind: Number, Doc: "a tcp.stream number of Wireshark that it owns", Like: "stream:3", JSON: "streams", reader: numbers(streams)},
	{Name: "community_id", Kind: Text, Doc: "its Community ID, version 1", Like: "community_id:1:LQU9qZlK+B5F3KDmev6m5PMibrg=", JSON: "community_id",
		reader: reader{text: func(s *Subject, to []byte) []byte {
			return tcp.AppendCommunityID(to, s.Conn.Client.Endpoint, s.Conn.Server.Endpoint)
		}}},
	{Name: "conn_state", Kind: Word, Doc: "Zeek's word for how it stands", Like: "conn_state:S0,REJ", JSON: "conn_state", Words: zeekWords(), reader: zeeked(word(zeekState))},
	{Name: "history", Kind: Text, Doc: "Zeek's letters for what was seen", Like: "history:*T*", JSON: "history", reader: zeeked(reader{text: func(s *Subject, to []byte) []byte {
		if len(s.Conn.Zeek) > 0 {
			return s.Conn.Zeek[0].History.Append(to)
		}
		return to
	}})},
	{Name: "continued", Kind: Word, Doc: "an earlier part of it was evicted", Like: "continued:yes", JSON: "continued", Words: yesNo, reader: word(func(s *Subject) uint64 { return bit(s.Conn.Continued) })},
	{Name: "evicted", Kind: Word, Doc: "it was retired because the table was full", Like: "evicted:yes", JSON: "evicted", Words: yesNo, reader: word(func(s *Subject) uint64 { return bit(s.Conn.Evicted) })},
	{Name: "guessed", Kind: Word, Doc: "who is the client is a guess", Like: "guessed:yes", JSON: "guessed", Words: yesNo, reader: word(func(s *Subject) uint64 { return bit(s.Conn.Guessed) })},
	{Name: "lossy", Kind: Word, Doc: "the capture lost packets meanwhile", Like: "lossy:yes", JSON: "lossy", Words: yesNo, reader: word(func(s *Subject) uint64 { return bit(s.Conn.Lossy) })},
}

// analysisField is what one of Wireshark's marks is asked by.
func analysisField(f tracker.AnalysisFlag) Field {
	return Field{Name: "analysis." + f.String(), Also: []string{"tcp.analysis." + f.String()}, Kind: Number, Sided: true, Both: together,
		Doc: "segments Wireshark would mark so", Like: "analysis." + f.String() + ":>0", JSON: "analysis",
		reader: blamed(total(func(e *tracker.End) uint64 { return uint64(e.Analysis[f]) }))}
}

// blameField is what a class of the blame line is asked by.
func blameField(class tracker.BlameClass, doc string) Field {
	name := "blame." + class.String()
	f := Field{Name: name, Kind: Span, Share: true, Sided: true, Both: longer, Doc: "time " + doc, Like: name + ":>60%", JSON: "blame_ms"}
	f.reader = blamed(longest(func(e *tracker.End) (int64, bool) { return e.Blame[class], true }))
	known, shares := f.numbers, longest(func(e *tracker.End) (int64, bool) {
		life := e.Blame.Sum()
		return int64(float64(e.Blame[class]) / float64(max(life, 1)) * 1e6), life > 0
	})
	f.numbers = func(s *Subject, of sides, test func(int64) bool) bool { return s.Conn.Blamed && known(s, of, test) }
	f.shares = func(s *Subject, of sides, test func(int64) bool) bool {
		return s.Conn.Blamed && shares.numbers(s, of, test)
	}
	return f
}

func stateWords() (words []string) {
	for s := range tracker.State(tcp.NumStates) {
		words = append(words, plain(s.String()))
	}
	return words
}

func zeekWords() (words []string) {
	for _, s := range tracker.ZeekStates {
		words = append(words, plain(s))
	}
	return words
}

func howWords() (words []string) {
	for h := tracker.HowOpen; h <= tracker.HowTimeout; h++ {
		words = append(words, h.String())
	}
	return words
}

func codeWords() []string {
	words := []string{"none"}
	for _, r := range anomaly.Rules {
		words = append(words, r.Code)
	}
	return words
}

func severityWords() (words []string) {
	for s := anomaly.Info; s <= anomaly.Critical; s++ {
		words = append(words, s.String())
	}
	return words
}

func culpritWords() (words []string) {
	for c := anomaly.Nobody; c <= anomaly.Capture; c++ {
		words = append(words, c.String())
	}
	return words
}

func hiddenWords() (words []string) {
	for h := tracker.HiddenPossible; h <= tracker.HiddenExcluded; h++ {
		words = append(words, h.String())
	}
	return words
}

// plain is how words are compared: fin-wait1 for FIN_WAIT1.
func plain(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }

func codes(s *Subject) (set uint64) {
	for i := range s.Found {
		set |= 2 << slices.Index(anomaly.Rules, s.Found[i].Rule)
	}
	return max(set, 1)
}

func hidden(f *Found) uint64 {
	if f.Hidden == tracker.HiddenNone {
		return 0
	}
	return 1 << (f.Hidden - tracker.HiddenPossible)
}

func closedBy(c *tracker.Connection) uint64 {
	if !c.Closed {
		return 1
	}
	return 2 << c.ClosedBy
}

func retransmitted(e *tracker.End) (int64, bool) {
	return int64(float64(e.Retransmissions) / float64(max(e.Packets, 1)) * 1e6), e.Packets > 0
}

func vlans(c *tracker.Connection, test func(int64) bool) bool {
	return c.VLAN[0] != 0 && test(int64(c.VLAN[0])) || c.VLAN[1] != 0 && test(int64(c.VLAN[1]))
}

func streams(c *tracker.Connection, test func(int64) bool) bool {
	for _, n := range c.Streams {
		if test(int64(n)) {
			return true
		}
	}
	return false
}

func bit(is bool) uint64 {
	if is {
		return 2
	}
	return 1
}
