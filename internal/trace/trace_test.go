package trace

import (
	"bytes"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

const example = `# RFC 9293 figure 13: simultaneous close. The two FINs cross.
0.000 A > B: S    99:99(0)            win 65535 <mss 1460,wscale 7>
0.010 B > A: S.   299:299(0) ack 100  win 65535 <mss 1460,wscale 7>
0.020 A > B: .    100:100(0) ack 300  win 512
1.000 A > B: F.   100:100(0) ack 300  win 512
= FIN_WAIT1 CLOSE_WAIT?              # presumed: nothing yet proves that B has the FIN
1.000 B > A: F.   300:300(0) ack 100  win 512
= CLOSING CLOSING                    # its ACK 100 proves that it had not
! fin-unacked network
!- half-open
!! none
gap
@ +120s
= B A: - TIME_WAIT?{CLOSED,CLOSING}
1.010 B > A: .    301:301(0) ack 101  win 512 <ts 7 4294967295> id 9 ttl 55 badsum snap 60 num 4711 vlan 3.4
= TIME_WAIT{*} TIME_WAIT
`

func mustParse(t *testing.T, src string) *Trace {
	t.Helper()
	tr, err := Parse("test", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestParseExample(t *testing.T) {
	tr := mustParse(t, example)
	if tr.Title != "RFC 9293 figure 13: simultaneous close. The two FINs cross." {
		t.Errorf("title %q", tr.Title)
	}
	var kinds []Kind
	for _, it := range tr.Items {
		kinds = append(kinds, it.Kind)
	}
	want := []Kind{Segment, Segment, Segment, Segment, Expect, Segment, Expect, Finding, Finding, Finding, Gap, Advance, Expect, Segment, Expect}
	if !reflect.DeepEqual(kinds, want) {
		t.Fatalf("kinds %v, want %v", kinds, want)
	}
	a, b := tcp.EndpointFrom(netip.MustParseAddrPort("10.0.0.1:40000")), tcp.EndpointFrom(netip.MustParseAddrPort("10.0.0.2:80"))
	flow, _ := tcp.MakeFlow(a.Addr, b.Addr, a.Port, b.Port, false)

	syn := tcp.Segment{Time: DefaultOrigin, Number: 1, Flow: flow, Seq: 99, IPLen: 48, Flags: tcp.SYN, Window: 65535, IPID: 1, TTL: 64, Sum: tcp.SumGood,
		Options: tcp.Options{Has: tcp.HasMSS | tcp.HasWScale, MSS: 1460, WScale: 7}}
	if got := tr.Items[0].Segment; got != syn {
		t.Errorf("first segment\n%+v, want\n%+v", got, syn)
	}
	last := tcp.Segment{Time: DefaultOrigin + 1_010_000_000, Number: 4711, Flow: flow, Dir: tcp.FromB, Seq: 301, Ack: 101, IPLen: 52, Flags: tcp.ACK, Window: 512,
		IPID: 9, TTL: 55, Sum: tcp.SumBad, Snap: true, VLAN: [2]uint16{3, 4}, Options: tcp.Options{Has: tcp.HasTS, TSVal: 7, TSEcr: math.MaxUint32}}
	if got := tr.Items[13].Segment; got != last {
		t.Errorf("last segment\n%+v, want\n%+v", got, last)
	}
	if got := tr.Items[4].Ends; got.String() != "= FIN_WAIT1 CLOSE_WAIT?" || got.Of != [2]tcp.Endpoint{a, b} {
		t.Errorf("states %v of %v", got, got.Of)
	}
	if got := tr.Items[12].Ends; got.String() != "= - TIME_WAIT?{CLOSED,CLOSING}" || got.Of != [2]tcp.Endpoint{b, a} {
		t.Errorf("states %v of %v", got, got.Of)
	}
	if got := tr.Items[7].Found; !reflect.DeepEqual(got, Found{Raised, []string{"fin-unacked"}, "network"}) {
		t.Errorf("finding %+v", got)
	}
	if got := tr.Items[11].Time - DefaultOrigin; got != 121e9 {
		t.Errorf("time advances to %d ns", got)
	}
}

func TestEndAgrees(t *testing.T) {
	ends := mustParse(t, "= A B: ESTABLISHED?{FIN_WAIT1} ESTABLISHED{*}\n= A B: - ESTABLISHED").Items
	known := ends[0].Ends.Are[0]
	for _, c := range []struct {
		want  End
		agree bool
	}{{known, true}, {ends[0].Ends.Are[1], true}, {ends[1].Ends.Are[0], true}, {ends[1].Ends.Are[1], false}, {End{Checked: true, State: tcp.Established}, false}} {
		if known.Agrees(c.want) != c.agree {
			t.Errorf("%v agrees with %v: %v", known, c.want, !c.agree)
		}
	}
}

// Every error names file, line and the text at fault.
func TestParseErrors(t *testing.T) {
	const ok = " win 1"
	for src, want := range map[string]string{
		"hello":                                       `neither`,
		"0 A > B: S 1:1(0)":                           `no win`,
		"0 A > B: S 1:1(0) win 1 win 2":               `win is there twice`,
		"0 A > B: S 1:1(0) win 1 nosum badsum":        `sum is there twice`,
		"0 A > B: S 1:1(0) win 65536":                 `"65536" is no number of 16 bits`,
		"0 A > B: . 1:1(0)" + ok:                      `an ACK without ack`,
		"0 A > B: S 1:1(1)" + ok:                      `come to 2`,
		"0 A > B: Q 1:1(0)" + ok:                      `flags "Q"`,
		"0 A > B: SS 1:1(0)" + ok:                     `flags "SS"`,
		"0 A > B: S 1(0)" + ok:                        `not SEQ:END(LEN)`,
		"0 A > B S 1:1(0)" + ok:                       `no : behind the receiver`,
		"0 A < B: S 1:1(0)" + ok:                      `"<" stands where > belongs`,
		"0 a > B: S 1:1(0)" + ok:                      `a has no address`,
		"0 1.2.3.4 > B: S 1:1(0)" + ok:                `no name and no ADDRESS:PORT`,
		"0 [::1]:4 > B: S 1:1(0)" + ok:                `not of one IP version`,
		"0.0000000001 A > B: S 1:1(0)" + ok:           `no time in seconds`,
		"99999999999 A > B: S 1:1(0)" + ok:            `no time in seconds`,
		"9223372036 A > B: S 1:1(0)" + ok:             `outside 1678 to 2261`,
		"0 A > B: S 1:1(0) win 1 x":                   `"x" is no part of a segment`,
		"0 A > B: S 1:1(0) win 1 <mss>":               `mss: 0 numbers`,
		"0 A > B: S 1:1(0) win 1 <mss 1":              `has no >`,
		"0 A > B: S 1:1(0) win 1 <foo>":               `"foo" is no option`,
		"0 A > B: S 1:1(0) win 1 <sackOK 1>":          `"1" is too much`,
		"0 A > B: S 1:1(0) win 1 <ts 1>":              `ts: 1 numbers`,
		"0 A > B: S 1:1(0) win 1 <sack 1-2 1 3>":      `sack: "" is no number`,
		"0 A > B: S 1:1(0) win 1 <mss 1,mss 1>":       `mss is there twice`,
		"A=1.2.3.4":                                   `no name and no ADDRESS:PORT`,
		"A=1.2.3.4:1 A=1.2.3.5:1":                     `A is bound`,
		"A=1.2.3.4:1 X=1.2.3.4:1":                     `has a name already`,
		"0=1.2.3.4:1":                                 `no time in seconds`,
		"= CLOSED CLOSED":                             `before any segment`,
		"= A B: CLOSED":                               `before any segment`,
		"0 A > B: S 1:1(0) win 1\n= CLOSED":           `test:2: 1 words stand where two states belong`,
		"0 A > B: S 1:1(0) win 1\n= CLOSED SHUT":      `"SHUT" is no state`,
		"= A B: CLOSED CLOSED{CLOSED}":                `there twice`,
		"= A B: CLOSED CLOSED{TIME_WAIT":              `has no }`,
		"@ 120s":                                      `as in @ +120s`,
		"@ +-1s":                                      `goes backward`,
		"!":                                           `no code of a finding`,
		"!- a b":                                      `"b" is too much`,
		"! A":                                         `no finding's code`,
		"! a B":                                       `no culprit`,
		"!! a none":                                   `no finding's code`,
		"origin yesterday":                            `not an RFC 3339 time`,
		"origin 1600-01-01T00:00:00Z":                 `not between 1678`,
		"origin 2262-04-11T23:47:17Z\n0 A > B: 1 win": `not between 1678`,
	} {
		_, err := Parse("test", []byte(src))
		if err == nil {
			t.Errorf("%q parses", src)
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "test:") {
			t.Errorf("%q: error %q, want %q in it", src, err, want)
		}
	}
}

// What is written parses to equal segments: time, number and every field that has a meaning.
func TestSegmentsComeBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var w Writer
	var out []byte
	var segs []tcp.Segment
	for range 5000 {
		s := randomSegment(rng)
		segs = append(segs, s)
		out = w.Segment(out, &s)
	}
	tr, err := Parse("written", out)
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.Items) != len(segs) {
		t.Fatalf("%d segments come back, want %d", len(tr.Items), len(segs))
	}
	for i := range segs {
		if tr.Items[i].Segment != segs[i] {
			t.Fatalf("line %d: segment\n%+v comes back as\n%+v", tr.Items[i].Line, segs[i], tr.Items[i].Segment)
		}
	}
}

// randomSegment draws fields near their edges; those without a meaning are zero.
func randomSegment(rng *rand.Rand) tcp.Segment {
	u32 := func() uint32 {
		return [...]uint32{0, 1, math.MaxUint32, rng.Uint32()}[rng.IntN(4)]
	}
	v6 := rng.IntN(3) == 0
	addr := func() tcp.Addr {
		a := tcp.AddrFrom4(10<<24 | rng.Uint32N(40))
		if v6 && rng.IntN(2) == 0 {
			a.Hi = 0xfe80 << 48
		}
		return a
	}
	src, dst := addr(), addr()
	s := tcp.Segment{
		Time:   [...]int64{math.MinInt64, math.MaxInt64, 0, -1, time.Now().UnixNano(), rng.Int64(), -rng.Int64()}[rng.IntN(7)],
		Number: [...]uint64{0, 1, math.MaxUint64, rng.Uint64()}[rng.IntN(4)],
		Seq:    tcp.Seq(u32()),
		Len:    rng.IntN(70000),
		Flags:  tcp.Flags(rng.IntN(512)),
		Window: uint16(rng.Uint32()),
		IPID:   uint16(rng.Uint32()),
		TTL:    uint8(rng.Uint32()),
		Sum:    tcp.Sum(rng.IntN(4)),
		Snap:   rng.IntN(2) == 0,
	}
	s.Flow, s.Dir = tcp.MakeFlow(src, dst, uint16(rng.IntN(9)), uint16(10+rng.IntN(9)), v6)
	if s.Flags.Has(tcp.ACK) {
		s.Ack = tcp.Seq(u32())
	}
	if s.Flags.Has(tcp.URG) {
		s.Urgent = uint16(rng.Uint32())
	}
	if v6 {
		s.IPID = 0
	}
	if rng.IntN(4) == 0 {
		s.VLAN = [2]uint16{uint16(rng.IntN(4096)), uint16(rng.IntN(2) * 7)}
	}
	if rng.IntN(4) == 0 {
		s.Beyond = uint16(rng.Uint32())
	}
	o := &s.Options
	some, others := tcp.OptionSet(rng.IntN(2048)), tcp.OptionSet(rng.IntN(2048))
	o.Has = some & others
	if o.Has&tcp.HasMSS != 0 {
		o.MSS = uint16(rng.Uint32())
	}
	if o.Has&tcp.HasWScale != 0 {
		o.WScale = uint8(rng.Uint32())
	}
	if o.Has&tcp.HasTS != 0 {
		o.TSVal, o.TSEcr = u32(), u32()
	}
	if o.Has&tcp.HasSACK != 0 {
		o.NSACK = uint8(rng.IntN(5))
		for i := range o.NSACK {
			o.SACK[i] = tcp.Range{Lo: tcp.Seq(u32()), Hi: tcp.Seq(u32())}
		}
	}
	if o.Has&tcp.HasFastOpen != 0 {
		o.Cookie = uint8(rng.IntN(17))
	}
	if o.Has&tcp.HasMPTCP != 0 {
		o.MPTCPSub = uint8(rng.IntN(16))
	}
	s.IPLen = defaultIPLen(&s)
	if rng.IntN(4) == 0 {
		s.IPLen = rng.IntN(math.MaxInt32)
	}
	return s
}

// A writer names endpoints as they appear, and leaves out what the reader fills in.
func TestWriterIsBrief(t *testing.T) {
	tr := mustParse(t, "origin 2026-10-06T12:00:00Z\n"+
		"1.5 10.0.0.7:999 > 10.0.0.9:80: S 7:7(0) win 1 <mss 1460,sackOK,ts 1 0,wscale 7>\n"+
		"1.500001 10.0.0.9:80 > 10.0.0.7:999: S. 9:9(0) ack 8 win 2 id 0\n"+
		"1.5 10.0.0.7:999 > 10.0.0.9:80: . 8:8(0) ack 10 win 2\n")
	var w Writer
	var out []byte
	for i := range tr.Items {
		out = w.Segment(out, &tr.Items[i].Segment)
	}
	const want = "origin 2026-10-06T12:00:01Z\n" +
		"A=10.0.0.7:999\n" +
		"B=10.0.0.9:80\n" +
		"0.500 A > B: S 7:7(0) win 1 <mss 1460,sackOK,ts 1 0,wscale 7>\n" +
		"0.500001 B > A: S. 9:9(0) ack 8 win 2 id 0\n" +
		"0.500 A > B: . 8:8(0) ack 10 win 2\n"
	if string(out) != want {
		t.Errorf("written\n%s, want\n%s", out, want)
	}
}

func TestWriterAllocatesNothing(t *testing.T) {
	tr := mustParse(t, example)
	var w Writer
	buf := make([]byte, 0, 1024)
	s := &tr.Items[13].Segment
	w.Segment(buf, s)
	if n := testing.AllocsPerRun(100, func() { w.Segment(buf, s) }); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}

func BenchmarkWriter(b *testing.B) {
	tr, err := Parse("example", []byte(example))
	if err != nil {
		b.Fatal(err)
	}
	var w Writer
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		w.Segment(buf, &tr.Items[13].Segment)
	}
}

func TestLetters(t *testing.T) {
	for i, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 701: "ZZ", 702: "AAA"} {
		if got := letters(i); got != want {
			t.Errorf("letters(%d) is %s, want %s", i, got, want)
		}
	}
}

// FuzzParse: no text panics; what parses is written, and parses again to the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("A=[fe80::1]:1 B=[::ffff:1.2.3.4]:2\norigin 1678-01-01T00:00:00.5Z\n-1.5 B > A: none 4294967295:0(1) win 0 <sack 1-2 3-4,tfo 8,mptcp 2,uto,md5,ao,broken>\n= SYN_SENT -\n"))
	f.Add([]byte("0 1.2.3.4:5 > A: S 1:1(0) win 1 nosum iplen 3 urg 5\n0 A > A: R 1:1(0) win 0 goodsum snap\n= A 1.2.3.4:5: - -\n!! a b\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		first, err := Parse("fuzz", src)
		if err != nil {
			return
		}
		text := first.Append(nil)
		second, err := Parse("written", text)
		if err != nil {
			t.Fatalf("what was written does not parse: %v\n%s", err, text)
		}
		if again := second.Append(nil); !bytes.Equal(again, text) {
			t.Fatalf("written again\n%s, at first\n%s", again, text)
		}
		if len(first.Items) != len(second.Items) || first.Title != second.Title {
			t.Fatalf("%d items come back as %d", len(first.Items), len(second.Items))
		}
		for i := range first.Items {
			first.Items[i].Line = second.Items[i].Line
			if !reflect.DeepEqual(first.Items[i], second.Items[i]) {
				t.Fatalf("item\n%+v comes back as\n%+v", first.Items[i], second.Items[i])
			}
		}
	})
}
