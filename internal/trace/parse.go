package trace

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Parse reads a trace. Errors begin with name:line: and end with the text at fault.
func Parse(name string, src []byte) (*Trace, error) {
	p := parser{
		t:      &Trace{Origin: DefaultOrigin},
		names:  map[string]int{},
		order:  map[tcp.Endpoint]int{},
		ids:    map[tcp.Endpoint]uint16{},
		origin: DefaultOrigin,
		now:    DefaultOrigin,
	}
	line := 0
	for text := range strings.Lines(string(src)) {
		line++
		text, comment, commented := strings.Cut(text, "#")
		if commented && p.t.Title == "" {
			p.t.Title = strings.TrimSpace(comment)
		}
		n := len(p.t.Items)
		c := cursor{strings.TrimSpace(text)}
		if err := p.line(&c); err != nil {
			return nil, fmt.Errorf("%s:%d: %w: %q", name, line, err, strings.TrimSpace(text))
		}
		for i := n; i < len(p.t.Items); i++ {
			p.t.Items[i].Line = line
		}
	}
	return p.t, nil
}

// maxSeconds fit int64 as nanoseconds.
const maxSeconds = math.MaxInt64 / 1_000_000_000

// parser is what the meaning of a line depends on.
type parser struct {
	t      *Trace
	names  map[string]int       // index into t.Names
	order  map[tcp.Endpoint]int // likewise
	ids    map[tcp.Endpoint]uint16
	origin int64
	now    int64 // the latest time so far
	number uint64
	pair   [2]tcp.Endpoint // the latest segment's, in order of appearance
	paired bool
}

// line reads one line without its comment.
func (p *parser) line(c *cursor) error {
	switch rest := c.rest; {
	case rest == "":
		return nil
	case rest == "gap":
		p.add(Item{Kind: Gap})
		return nil
	case rest[0] == '=':
		c.rest = rest[1:]
		return p.expect(c)
	case rest[0] == '!':
		c.rest = rest[1:]
		return p.finding(c)
	case rest[0] == '@':
		c.rest = rest[1:]
		return p.advance(c)
	case strings.HasPrefix(rest, "origin "):
		return p.setOrigin(strings.TrimSpace(rest[len("origin "):]))
	case rest[0] >= '0' && rest[0] <= '9' || rest[0] == '-':
		return p.segment(c)
	case strings.Contains(rest, "="):
		return p.bindings(c)
	}
	return fmt.Errorf("neither a segment, a binding, =, !, @, gap nor origin")
}

func (p *parser) add(it Item) {
	switch it.Kind {
	case Segment, Advance:
		p.now = max(p.now, it.Time)
	default:
		it.Time = p.now
	}
	p.t.Items = append(p.t.Items, it)
}

// bindings reads NAME=ADDRESS:PORT, once or more.
func (p *parser) bindings(c *cursor) error {
	for c.rest != "" {
		word := c.word()
		name, addr, ok := strings.Cut(word, "=")
		if !ok || !isName(name) {
			return fmt.Errorf("%q is not NAME=ADDRESS:PORT", word)
		}
		if _, ok := p.names[name]; ok {
			return fmt.Errorf("%s is bound, or used, already", name)
		}
		e, err := parseAddr(addr)
		if err != nil {
			return err
		}
		if err := p.bind(name, e); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) bind(name string, e tcp.Endpoint) error {
	if _, ok := p.order[e]; ok {
		return fmt.Errorf("%s has a name already", e)
	}
	if name != "" {
		p.names[name] = len(p.t.Names)
	}
	p.order[e] = len(p.t.Names)
	p.t.Names = append(p.t.Names, Name{name, e})
	return nil
}

// endpoint reads a name or an address.
func (p *parser) endpoint(word string) (tcp.Endpoint, error) {
	if i, ok := p.names[word]; ok {
		return p.t.Names[i].Endpoint, nil
	}
	if isName(word) {
		e, ok := defaultEndpoint(word)
		if !ok {
			return e, fmt.Errorf("%s has no address; bind it: %s=10.0.0.9:80", word, word)
		}
		return e, p.bind(word, e)
	}
	e, err := parseAddr(word)
	if err != nil {
		return e, err
	}
	if _, ok := p.order[e]; !ok {
		return e, p.bind("", e)
	}
	return e, nil
}

// setOrigin reads the instant from which the times below it count.
func (p *parser) setOrigin(text string) error {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return fmt.Errorf("%q is not an RFC 3339 time", text)
	}
	sec := at.Unix()
	ns, ok := addTime(sec*1e9, int64(at.Nanosecond()))
	if !ok || sec > maxSeconds || sec < -maxSeconds {
		return fmt.Errorf("%q is not between 1678 and 2261", text)
	}
	p.origin = ns
	if len(p.t.Items) == 0 {
		p.t.Origin, p.now = ns, ns
	}
	return nil
}

// segment reads TIME SENDER > RECEIVER: FLAGS SEQ:END(LEN) and the words behind it.
func (p *parser) segment(c *cursor) error {
	rel, err := parseSeconds(c.word())
	if err != nil {
		return err
	}
	at, ok := addTime(p.origin, rel)
	if !ok {
		return fmt.Errorf("the time lies outside 1678 to 2261")
	}
	src, err := p.endpoint(c.word())
	if err != nil {
		return err
	}
	if arrow := c.word(); arrow != ">" {
		return fmt.Errorf("%q stands where > belongs", arrow)
	}
	to, ok := strings.CutSuffix(c.word(), ":")
	if !ok {
		return fmt.Errorf("no : behind the receiver")
	}
	dst, err := p.endpoint(to)
	if err != nil {
		return err
	}
	if src.V6 != dst.V6 {
		return fmt.Errorf("%s and %s are not of one IP version", src, dst)
	}
	s := tcp.Segment{Time: at, Number: p.number + 1, TTL: 64, Sum: tcp.SumGood}
	s.Flow, s.Dir = tcp.MakeFlow(src.Addr, dst.Addr, src.Port, dst.Port, src.V6)
	if s.Flags, err = parseFlags(c.word()); err != nil {
		return err
	}
	if err := parseRange(&s, c.word()); err != nil {
		return err
	}
	if !src.V6 {
		s.IPID = p.ids[src] + 1
	}
	if err := parseWords(&s, c); err != nil {
		return err
	}
	if !src.V6 {
		p.ids[src] = s.IPID
	}
	p.number = s.Number
	p.pair, p.paired = p.ordered(src, dst), true
	p.add(Item{Kind: Segment, Time: at, Segment: s})
	return nil
}

// ordered puts two known endpoints in order of their first appearance.
func (p *parser) ordered(a, b tcp.Endpoint) [2]tcp.Endpoint {
	if p.order[b] < p.order[a] {
		a, b = b, a
	}
	return [2]tcp.Endpoint{a, b}
}

// expect reads [X Y:] STATE STATE.
func (p *parser) expect(c *cursor) error {
	x := Ends{Of: p.pair}
	words := strings.Fields(c.rest)
	if len(words) == 4 && strings.HasSuffix(words[1], ":") {
		words[1] = strings.TrimSuffix(words[1], ":")
		for i := range x.Of {
			var err error
			if x.Of[i], err = p.endpoint(words[i]); err != nil {
				return err
			}
		}
		if x.Of[0].V6 != x.Of[1].V6 {
			return fmt.Errorf("%s and %s are not of one IP version", x.Of[0], x.Of[1])
		}
		x.Named = true
		words = words[2:]
	} else if !p.paired {
		return fmt.Errorf("states are expected before any segment; name the pair: = A B: STATE STATE")
	}
	if len(words) != 2 {
		return fmt.Errorf("%d words stand where two states belong", len(words))
	}
	for i, word := range words {
		var err error
		if x.Are[i], err = parseEnd(word); err != nil {
			return err
		}
	}
	p.add(Item{Kind: Expect, Ends: x})
	return nil
}

// finding reads what stands behind a !.
func (p *parser) finding(c *cursor) error {
	var f Found
	switch {
	case strings.HasPrefix(c.rest, "-"):
		f.Is, c.rest = NotRaised, c.rest[1:]
	case strings.HasPrefix(c.rest, "!"):
		f.Is, c.rest = Exactly, c.rest[1:]
	}
	f.Codes = strings.Fields(c.rest)
	switch {
	case len(f.Codes) == 0:
		return fmt.Errorf("no code of a finding after the mark")
	case f.Is == Raised && len(f.Codes) == 2:
		f.Codes, f.Culprit = f.Codes[:1], f.Codes[1]
	case f.Is != Exactly && len(f.Codes) > 1:
		return fmt.Errorf("%q is too much", f.Codes[len(f.Codes)-1])
	case f.Is == Exactly && len(f.Codes) == 1 && f.Codes[0] == "none":
		f.Codes = nil
	}
	const kebab = "abcdefghijklmnopqrstuvwxyz0123456789-"
	for _, code := range f.Codes {
		if strings.Trim(code, kebab) != "" || code == "none" {
			return fmt.Errorf("%q is no finding's code", code)
		}
	}
	if strings.Trim(f.Culprit, kebab) != "" {
		return fmt.Errorf("%q is no culprit", f.Culprit)
	}
	p.add(Item{Kind: Finding, Found: f})
	return nil
}

// advance reads +SECONDSs.
func (p *parser) advance(c *cursor) error {
	word := c.word()
	num, ok := strings.CutPrefix(word, "+")
	num, ok2 := strings.CutSuffix(num, "s")
	if !ok || !ok2 || c.rest != "" {
		return fmt.Errorf("time passes as in @ +120s")
	}
	d, err := parseSeconds(num)
	if err != nil {
		return err
	}
	to, ok := addTime(p.now, d)
	if !ok || d < 0 {
		return fmt.Errorf("%q goes backward or past 2261", word)
	}
	p.add(Item{Kind: Advance, Time: to})
	return nil
}
