package filter

import "fmt"

// The grammar, as docs/filters.md has it; and and or bind alike, from left to right, not binds closer:
//
//	expr      = term { and ( term | id ) }              and: "and" "&&" "or" "||"
//	term      = not term | "(" expr ")" | head id | proto | "vlan" [ number ] | tcp[...] relation
//	head      = [ proto ] [ dir ] type | [ proto ] dir
//	id        = number | address | not id | "(" id { and id } ")"
//
// An id without a head takes that of the condition before it, as in "port 80 or 443". The value that libpcap's grammar
// takes it from is the one in front of and, which stays what it was before a pair of brackets.

// head is the qualifiers of an id.
type head struct {
	known bool // there are some
	proto proto
	dir   dir
	kind  string // host, net, port, portrange, or "" for an address after a direction
}

type parser struct {
	text   string
	tokens []token
	at     int
	depth  int
	err    *Error
}

// maxDepth bounds brackets and nots in each other.
const maxDepth = 200

// Parse reads an expression. The error is an *Error.
func Parse(text string) (*Expr, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := parser{text: text, tokens: tokens}
	if p.peek() == "" {
		return nil, &Error{Text: text, What: "the expression is empty"}
	}
	root, _ := p.expr(head{})
	if p.err == nil && p.peek() != "" {
		p.fail("%q does not fit here", p.peek())
	}
	if p.err != nil {
		return nil, p.err
	}
	return &Expr{text, root}, nil
}

func (p *parser) peek() string { return p.tokens[p.at].text }

// next takes a token; the empty one at the end stays.
func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.text != "" {
		p.at++
	}
	return t
}

// take takes the next token if it is one of these.
func (p *parser) take(words ...string) bool {
	for _, w := range words {
		if p.peek() == w {
			p.next()
			return true
		}
	}
	return false
}

// fail notes the first error, at the next token.
func (p *parser) fail(format string, args ...any) { p.failAt(p.tokens[p.at], false, format, args...) }

func (p *parser) failAt(t token, outside bool, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{Text: p.text, At: t.at, Len: len(t.text), What: fmt.Sprintf(format, args...), Outside: outside}
	}
}

// deeper counts a nesting until the function it returns is called.
func (p *parser) deeper() func() {
	p.depth++
	if p.depth > maxDepth {
		p.fail("more than %d brackets in each other", maxDepth)
	}
	return func() { p.depth-- }
}

// operator takes an and or an or.
func (p *parser) operator() (op byte, ok bool) {
	switch {
	case p.take("and", "&&"):
		return '&', true
	case p.take("or", "||"):
		return '|', true
	}
	return 0, false
}

// expr parses terms; before is the head in front of it. It returns the head that an id behind it takes.
func (p *parser) expr(before head) (*expr, head) {
	e, h := p.term(before)
	for p.err == nil {
		op, ok := p.operator()
		if !ok {
			break
		}
		var b *expr
		if p.idAhead() {
			b = p.id(h)
		} else {
			b, h = p.term(h)
		}
		e = &expr{op: op, a: e, b: b}
	}
	return e, h
}

func (p *parser) term(before head) (*expr, head) {
	defer p.deeper()()
	if p.err != nil {
		return nil, before
	}
	switch {
	case p.take("not", "!"):
		e, h := p.term(before)
		return &expr{op: '!', a: e}, h
	case p.bracketed():
		return p.bracketedRelation(), head{}
	case p.take("("):
		e, _ := p.expr(before)
		p.expect(")")
		return e, before
	}
	return p.primitive()
}

// expect takes a sign that must stand here.
func (p *parser) expect(sign string) {
	if p.err == nil && !p.take(sign) {
		p.fail("here %q is missing", sign)
	}
}

// idAhead says that an id stands next: behind brackets and nots comes a number or an address.
func (p *parser) idAhead() bool {
	for i := p.at; ; i++ {
		switch t := p.tokens[i].text; t {
		case "(", "!", "not":
		default:
			return t != "" && isID(t)
		}
	}
}

// id parses numbers and addresses under one head.
func (p *parser) id(h head) *expr {
	defer p.deeper()()
	if p.err != nil {
		return nil
	}
	switch {
	case p.take("not", "!"):
		return &expr{op: '!', a: p.id(h)}
	case p.take("("):
		e := p.id(h)
		for p.err == nil {
			op, ok := p.operator()
			if !ok {
				break
			}
			e = &expr{op: op, a: e, b: p.id(h)}
		}
		p.expect(")")
		return e
	}
	return p.value(h)
}

// primitive parses a condition with its head.
func (p *parser) primitive() (*expr, head) {
	word := p.tokens[p.at]
	switch {
	case word.text == "tcp" && p.tokens[p.at+1].text == "[":
		return p.relation(), head{}
	case p.take("vlan"):
		return p.vlan(word), head{}
	}
	h := head{known: true}
	pr := p.proto()
	h.proto = pr
	directed := p.direction(&h)
	switch {
	case p.take("host", "net", "port", "portrange"):
		h.kind = p.tokens[p.at-1].text
	case !directed && pr != anyProto:
		return prime(&primitive{kind: aProto, proto: pr, word: word}), head{}
	case !directed:
		p.unknown(word)
		return nil, h
	}
	return p.id(h), h
}

func (p *parser) proto() proto {
	switch {
	case p.take("tcp"):
		return protoTCP
	case p.take("ip"):
		return protoIP
	case p.take("ip6"):
		return protoIP6
	}
	return anyProto
}

// direction parses src, dst, and both joined by and or or, if they stand here.
func (p *parser) direction(h *head) bool {
	one := map[string]dir{"src": src, "dst": dst}
	d, ok := one[p.peek()]
	if !ok {
		return false
	}
	p.next()
	h.dir = d
	// "src or dst host": what follows src is otherwise a type or an address.
	op, joined := p.operator()
	if !joined {
		return true
	}
	other, ok := one[p.peek()]
	if !ok || other == d {
		p.fail("here the other of src and dst is missing")
		return true
	}
	p.next()
	h.dir = srcOrDst
	if op == '&' {
		h.dir = srcAndDst
	}
	return true
}

// vlan parses the number behind the word.
func (p *parser) vlan(word token) *expr {
	v := &primitive{kind: aVLAN, word: word}
	open := 0
	for p.idAhead() && p.take("(") {
		open++
	}
	if t := p.tokens[p.at]; t.text != "" && t.text[0] >= '0' && t.text[0] <= '9' {
		n, ok := number(t.text)
		if !ok || n > 0xfff {
			p.fail("%q is no VLAN's number: 0 to 4095", t.text)
		}
		p.next()
		v.numbered, v.lo = true, n
	}
	for ; open > 0; open-- {
		p.expect(")")
	}
	return prime(v)
}

func prime(p *primitive) *expr { return &expr{prime: p} }
