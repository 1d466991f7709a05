package tcp

import (
	"net/netip"
	"testing"
)

// Positions compare by distance across the wrap.
func TestSeqWraps(t *testing.T) {
	lo, hi := Seq(0xffffff00), Seq(0x100)
	if !lo.Before(hi) || !hi.After(lo) || hi.Sub(lo) != 512 || lo.Add(512) != hi || hi.Add(-512) != lo {
		t.Errorf("%#x and %#x do not compare across the wrap", lo, hi)
	}
	if !Seq(5).InRange(lo, hi) || hi.InRange(lo, hi) || !lo.InRange(lo, hi) {
		t.Error("InRange is not half open across the wrap")
	}
	if lo.Max(hi) != hi || lo.Min(hi) != lo {
		t.Error("Max, Min do not respect the wrap")
	}
}

func TestFlagsAsTcpdump(t *testing.T) {
	for f, want := range map[Flags]string{0: "none", SYN: "S", SYN | ACK: "S.", ACK: ".", PSH | ACK: "P.", FIN | ACK: "F.", RST: "R", RST | ACK: "R."} {
		if got := f.String(); got != want {
			t.Errorf("%#x prints %q, want %q", uint16(f), got, want)
		}
	}
}

func TestFlowIsSymmetric(t *testing.T) {
	for _, c := range [][2]string{{"10.0.0.1:80", "10.0.0.2:4000"}, {"10.0.0.1:80", "10.0.0.1:79"}, {"[fe80::1]:1", "[::ffff:1.2.3.4]:9"}} {
		a, b := EndpointFrom(netip.MustParseAddrPort(c[0])), EndpointFrom(netip.MustParseAddrPort(c[1]))
		k1, d1 := MakeFlow(a.Addr, b.Addr, a.Port, b.Port, a.V6)
		k2, d2 := MakeFlow(b.Addr, a.Addr, b.Port, a.Port, a.V6)
		if k1 != k2 || d1 == d2 {
			t.Errorf("%v: the two directions have keys %v %v, dirs %v %v", c, k1, k2, d1, d2)
		}
		s := Segment{Flow: k1, Dir: d1}
		if src, dst := s.Ends(); src != a || dst != b || src.String() != c[0] || dst.String() != c[1] {
			t.Errorf("%v comes back as %v, %v", c, src, dst)
		}
	}
}

func TestStatesParseAsSpelledAnywhere(t *testing.T) {
	for s := Unknown; s < NumStates; s++ {
		if got, ok := ParseState(s.String()); !ok || got != s {
			t.Errorf("%v does not parse back", s)
		}
	}
	for text, want := range map[string]State{"fin-wait-1": FinWait1, "FINWAIT2": FinWait2, "estab": Established, "SYN-RECEIVED": SynRecv, "TimeWait": TimeWait} {
		if got, ok := ParseState(text); !ok || got != want {
			t.Errorf("%q parses as %v", text, got)
		}
	}
	if _, ok := ParseState("FIN_WAIT3"); ok {
		t.Error("FIN_WAIT3 parses")
	}
}

func TestStateSet(t *testing.T) {
	s := Set(Established, FinWait1)
	if s.Len() != 2 || !s.Has(FinWait1) || s.Without(FinWait1) != Set(Established) || s.String() != "ESTABLISHED|FIN_WAIT1" {
		t.Errorf("set is %v", s)
	}
}
