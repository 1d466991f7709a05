package filter

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

// compiled is the program of an expression that is right.
func compiled(t testing.TB, link uint32, text string) *Program {
	e, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.Compile(link)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// frame4 is an IPv4 packet with a TCP header on Ethernet.
func frame4(src, dst [4]byte, sport, dport uint16, flags byte) []byte {
	b := make([]byte, 54)
	b[12], b[14], b[23] = 8, 0x45, numberTCP
	copy(b[26:], src[:])
	copy(b[30:], dst[:])
	b[34], b[35], b[36], b[37] = byte(sport>>8), byte(sport), byte(dport>>8), byte(dport)
	b[46], b[47] = 0x50, flags
	return b
}

// What an id without a word takes its meaning from, and what binds what.
func TestMeaning(t *testing.T) {
	to80 := frame4([4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 2}, 40000, 80, 2)
	from443 := frame4([4]byte{10, 0, 0, 3}, [4]byte{10, 0, 0, 1}, 443, 40001, 0x12)
	for _, c := range []struct {
		text         string
		to80, from43 bool
	}{
		{"port 80 or 443", true, true},
		{"dst port 80 or 443", true, false},
		{"port (80 or 443)", true, true},
		{"port 80 or (443 or 22)", true, true},
		{"not port 80 or 443", false, true},
		{"not (port 80 or 443)", false, false},
		{"port 80 and not 443", true, false},
		{"host 10.0.0.2 or 10.0.0.3", true, true},
		{"src 10.0.0.1 and dst port 80", true, false},
		{"src or dst host 10.0.0.1 && !src port 443", true, false},
		{"src and dst net 10", true, true},
		{"src and dst net 10.0.0.0/31", false, false},
		{"net 10.0.0.2/31 and ip", true, true},
		{"port 80 or port 443 and host 10.0.0.3", false, true}, // and binds no closer than or
		{"port 443 and host 10.0.0.3 or port 80", true, true},
		{"portrange 79-81 or 443", true, true},
		{"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", true, true},
		{"tcp[13] = 2", true, false},
		{"(tcp[tcpflags] & tcp-ack) == 0", true, false},
		{"tcp[tcpflags] = tcp-syn|tcp-ack", false, true},
		{"vlan or ip", false, false}, // behind vlan, everything is sought behind a tag
		{"ip or vlan", true, true},
		{"ip6 or tcp", true, true},
	} {
		p := compiled(t, linkEthernet, c.text)
		if have := p.Match(to80, len(to80)); have != c.to80 {
			t.Errorf("%s: %v for the packet to port 80", c.text, have)
		}
		if have := p.Match(from443, len(from443)); have != c.from43 {
			t.Errorf("%s: %v for the packet from port 443", c.text, have)
		}
	}
}

// TestCutShort: an expression that ends too early, at whatever octet, is taken or told of.
func TestCutShort(t *testing.T) {
	texts := []string{"(tcp[tcpflags] & (tcp-syn|tcp-fin)) != 0", "tcp[13:1] & 2 = 2", "src and dst net 10.0.0.0 mask 255.0.0.0", "vlan (5) and not (port (80 or 443))"}
	for r := rand.New(rand.NewPCG(3, 3)); len(texts) < 2000; {
		texts = append(texts, randomExpr(r, 3, true))
	}
	for _, text := range texts {
		for end := range text {
			_, err := Parse(text[:end])
			if wrong := (*Error)(nil); err != nil && !errors.As(err, &wrong) {
				t.Fatalf("%q: %v", text[:end], err)
			}
		}
	}
}

// Errors point at the word, and tell what another build knows from what nobody does.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		text, word, what string
		outside          bool
	}{
		{"tcp and udp port 53", "udp", "outside", true},
		{"host example.org", "example.org", "a name", true},
		{"port http", "http", "a name", true},
		{"tcp or 80", "80", "nothing says", false},
		{"port 80 or tcp or 443", "443", "nothing says", false},
		{"port 80 and (host 1.2.3.4", "", "missing", false},
		{"port 80)", ")", "does not fit", false},
		{"port", "", "missing", false},
		{"port 70000", "70000", "over 65535", false},
		{"host 10.0.0.0/8", "/", "goes with", false},
		{"net 10.0.0.1/8", "10.0.0.1", "behind its mask", false},
		{"net 10.0.0.0/33", "33", "no length", false},
		{"net 10/8", "/", "two numbers", false},
		{"ip host ::1", "::1", "ip6", false},
		{"ip6 host 1.2.3.4", "1.2.3.4", "ip,", false},
		{"tcp host 1.2.3.4", "1.2.3.4", "ip,", false},
		{"ip port 80", "80", "ports", false},
		{"vlan 5000", "5000", "4095", false},
		{"tcp[", "", "missing", false},
		{"tcp[13", "", "missing", false},
		{"tcp[13:", "", "one octet", false},
		{"(tcp[tcpflags", "", "missing", false},
		{"tcp[13] & 2", "", "comparison", false},
		{"tcp[13] & 0 = 0", "0", "always 0", false},
		{"tcp[2:2] = 80", "2", "one octet", true},
		{"tcp[ip[0]] = 2", "ip", "knows tcp[tcpflags]", true},
		{"tcp[13] + 1 = 2", "+", "no sign", true},
		{"src or tcp", "tcp", "other of", false},
		{"and", "and", "no word", true},
		{"", "", "empty", false},
	} {
		_, err := Parse(c.text)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if word := e.Text[e.At : e.At+e.Len]; word != c.word || !strings.Contains(e.What, c.what) || e.Outside != c.outside {
			t.Errorf("%s: points at %q, outside %v: %s", c.text, word, e.Outside, e.What)
		}
	}
	e, _ := Parse("ip and ip6")
	if _, err := e.Compile(linkEthernet); err == nil || !strings.Contains(err.Error(), "no packet") {
		t.Errorf("ip and ip6: %v", err)
	}
	if _, err := e.Compile(127); err == nil || !strings.Contains(err.Error(), "link type 127") {
		t.Errorf("radiotap: %v", err)
	}
	_, err := Parse("port 80\nor\tüber")
	if want := "filter: \"\u00fc\" is no sign of the filters that this build knows\n    port 80 or \u00fcber\n               ^"; err == nil || err.Error() != want {
		t.Errorf("have\n%v\nwant\n%s", err, want)
	}
}

// long is an expression whose jumps span more than one instruction can.
func long(n int) string {
	hosts := make([]string, n)
	for i := range hosts {
		hosts[i] = "10.0." + string(rune('0'+i/10%10)) + "." + string(rune('1'+i%9))
	}
	return "ip host " + strings.Join(hosts, " or ") + " or 10.9.9.9"
}

func TestLong(t *testing.T) {
	p := compiled(t, linkEthernet, long(90)+" and tcp port 80")
	last := frame4([4]byte{10, 9, 9, 9}, [4]byte{1, 1, 1, 1}, 1, 80, 2)
	other := frame4([4]byte{10, 9, 9, 8}, [4]byte{1, 1, 1, 1}, 1, 80, 2)
	if !p.Match(last, len(last)) || p.Match(other, len(other)) {
		t.Error("a long program answers otherwise than a short one")
	}
	e, err := Parse(strings.Repeat("port 1 or ", 200) + "port 2")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Compile(linkEthernet); err == nil || !strings.Contains(err.Error(), "no more than") {
		t.Errorf("a program beyond the bound: %v", err)
	}
}

// plainly is the program without shortcuts.
func plainly(e *Expr, link uint32) *Program {
	gen := generator{text: e.text, link: layouts[link]}
	g := newGraph(gen.expr(e.root))
	g.arrange()
	return NewProgram(raw(g.assemble(1)))
}

// agree holds a program to the one without shortcuts on whole packets, and our machine to that of golang.org/x/net/bpf.
func agree(t *testing.T, e *Expr, link uint32, frame []byte) {
	p, err := e.Compile(link)
	if err != nil {
		return
	}
	program := make([]bpf.Instruction, len(p.code))
	for i := range p.code {
		program[i] = p.code[i].Disassemble()
	}
	machine, err := bpf.NewVM(program)
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	n, err := machine.Run(frame)
	if err != nil {
		t.Fatal(err)
	}
	if p.Match(frame, len(frame)) != (n != 0) {
		t.Fatalf("%s: the machines differ on % x", e, frame)
	}
	whole := append(append([]byte{}, frame...), make([]byte, 70000)...) // nothing looks behind that
	if p.Match(whole, len(whole)) != plainly(e, link).Match(whole, len(whole)) {
		t.Fatalf("%s: a shortcut changes the answer to % x", e, frame)
	}
}

func TestShortcuts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		link := []uint32{linkEthernet, linkSLL, linkSLL2, linkRaw, linkNull, linkLoop}[r.IntN(6)]
		e, err := Parse(randomExpr(r, 3, layouts[link].tags))
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			agree(t, e, link, randomFrame(r, link))
		}
	}
}

// FuzzParse: no text crashes or hangs, and what is an expression becomes a program that ends and answers as it would
// without shortcuts.
func FuzzParse(f *testing.F) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 40 {
		f.Add(randomExpr(r, 2, true), randomFrame(r, linkEthernet))
	}
	f.Fuzz(func(t *testing.T, text string, frame []byte) {
		e, err := Parse(text)
		if err != nil {
			var wrong *Error
			if !errors.As(err, &wrong) || wrong.Error() == "" {
				t.Fatalf("%T", err)
			}
			return
		}
		for link := range layouts {
			agree(t, e, link, frame)
		}
	})
}

// A packet is judged without an allocation.
func TestNoAllocation(t *testing.T) {
	p := compiled(t, linkEthernet, "port 80 or 443 and not host 10.0.0.9")
	frame := frame4([4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 2}, 40000, 80, 2)
	if n := testing.AllocsPerRun(100, func() { p.Match(frame, math.MaxInt32) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	frame := frame4([4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 2}, 40000, 80, 2)
	for _, text := range []string{"tcp port 443", "host 10.0.0.9", "tcp and not port 22"} {
		p := compiled(b, linkEthernet, text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Match(frame, len(frame))
			}
		})
	}
}
