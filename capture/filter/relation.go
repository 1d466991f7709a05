package filter

import "fmt"

// flagNames are libpcap's names of the octet tcp[tcpflags], in which the flags stand.
var flagNames = map[string]uint32{
	"tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32, "tcp-ece": 64, "tcp-cwr": 128,
}

const flagsAt = 13 // tcpflags

var comparisons = []string{"=", "==", "!=", "<", "<=", ">", ">="}

// maxOffset bounds an octet of the TCP header, and of what is behind it.
const maxOffset = 65535

// relation parses tcp[OFFSET] & CONSTANT = CONSTANT, from tcp on.
func (p *parser) relation() *expr {
	r := &primitive{kind: aRelation, word: p.next()}
	l := &r.relation
	p.octets(l)
	p.compare(l)
	return prime(r)
}

// octets parses the side that is compared: [OFFSET], and what it is and-ed with.
func (p *parser) octets(l *relation) {
	p.expect("[")
	if p.take("tcpflags") {
		l.off = flagsAt
	} else if p.peek() == "" {
		p.fail("here tcpflags or a number is missing")
	} else if n, ok := number(p.peek()); ok && n <= maxOffset {
		p.next()
		l.off = n
	} else {
		p.failAt(p.tokens[p.at], true, "this build knows tcp[tcpflags] and tcp[NUMBER], and not tcp[%s]", p.peek())
	}
	if p.take(":") && !p.take("1") {
		size := p.tokens[p.at]
		p.failAt(size, size.text != "", "this build compares one octet of the TCP header, not %q", size.text)
	}
	p.expect("]")
	if p.take("&") {
		at := p.tokens[p.at]
		if l.masked, l.mask = true, p.factor(); l.mask.value == 0 {
			p.failAt(at, false, "what is and-ed with 0 is always 0")
		}
	}
}

// compare parses the comparison.
func (p *parser) compare(l *relation) {
	op := p.tokens[p.at]
	if !p.take(comparisons...) {
		p.failAt(op, op.text != "", "here this build knows a comparison alone, as in: tcp[tcpflags] & tcp-syn != 0")
		return
	}
	l.op, l.to = op.text, p.constant()
}

// bracketed says that the bracket in front of tcp[ closes before a comparison: (tcp[13] & 2) != 0.
func (p *parser) bracketed() bool {
	if p.peek() != "(" || p.tokens[p.at+1].text != "tcp" || p.tokens[p.at+2].text != "[" {
		return false
	}
	open := 0
	for i := p.at; ; i++ {
		switch p.tokens[i].text {
		case "(":
			open++
		case ")":
			if open--; open == 0 {
				for _, c := range comparisons {
					if p.tokens[i+1].text == c {
						return true
					}
				}
				return false
			}
		case "", "and", "or", "&&", "||":
			return false
		}
	}
}

// bracketedRelation parses it.
func (p *parser) bracketedRelation() *expr {
	p.expect("(")
	r := &primitive{kind: aRelation, word: p.next()}
	p.octets(&r.relation)
	p.expect(")")
	p.compare(&r.relation)
	return prime(r)
}

// constant parses numbers and names of flags joined by |.
func (p *parser) constant() constant {
	c := p.factor()
	for p.err == nil && p.take("|") {
		d := p.factor()
		c = constant{c.value | d.value, "(" + c.form + "|" + d.form + ")"}
	}
	return c
}

func (p *parser) factor() constant {
	defer p.deeper()()
	if p.err != nil {
		return constant{}
	}
	if p.take("(") {
		c := p.constant()
		p.expect(")")
		return c
	}
	t := p.tokens[p.at]
	n, ok := flagNames[t.text]
	if !ok {
		n, ok = number(orZero(t.text))
	}
	if !ok || t.text == "" {
		p.failAt(t, t.text != "", "here a number or the name of a flag, as tcp-syn, is missing")
		return constant{}
	}
	p.next()
	return constant{n, fmt.Sprint(n)}
}

// orZero spares number the empty word at the end.
func orZero(word string) string {
	if word == "" {
		return "0"
	}
	return word
}
