package filter

import "fmt"

// Ethertypes and IP protocol numbers that conditions ask for.
const (
	etherIP   = 0x0800
	etherARP  = 0x0806
	etherRARP = 0x8035
	etherIP6  = 0x86dd
	etherVLAN = 0x8100
	etherQinQ = 0x88a8
	etherOldQ = 0x9100

	numberTCP      = 6
	numberUDP      = 17
	numberFragment = 44
	numberSCTP     = 132
)

// generator turns an expression into conditions on one link type. As in libpcap, vlan moves everything behind it in the
// text by a tag, whatever stands between.
type generator struct {
	text   string
	link   layout
	tagged bool // the kernel has taken a tag out of the frame
	tags   int  // vlan conditions so far
	err    *Error
}

func (g *generator) expr(e *expr) *cond {
	switch e.op {
	case '&', '|':
		a := g.expr(e.a)
		return &cond{op: e.op, a: a, b: g.expr(e.b)}
	case '!':
		return not(g.expr(e.a))
	}
	p := e.prime
	switch p.kind {
	case aProto:
		return g.proto(p.proto)
	case anAddr4:
		return g.address4(p)
	case anAddr6:
		return both(p.dir, func(d dir) *cond { return g.address6(p, d) })
	case aPort, aRange:
		return or(g.ports6(p), g.ports4(p))
	case aVLAN:
		return g.vlan(p)
	}
	return g.relation(&p.relation)
}

// both joins the two directions as the qualifier says.
func both(d dir, one func(dir) *cond) *cond {
	switch d {
	case src, dst:
		return one(d)
	case srcAndDst:
		return and(one(src), one(dst))
	}
	return or(one(src), one(dst))
}

func (g *generator) proto(p proto) *cond {
	switch p {
	case protoIP:
		return g.link.carries(etherIP)
	case protoIP6:
		return g.link.carries(etherIP6)
	}
	n := g.link.net
	// Behind a fragment header, the first fragment alone has the protocol where it is looked for; so libpcap does it.
	six := or(compare(n+6, 1, equal, numberTCP), and(compare(n+6, 1, equal, numberFragment), compare(n+40, 1, equal, numberTCP)))
	return or(and(g.link.carries(etherIP), compare(n+9, 1, equal, numberTCP)), and(g.link.carries(etherIP6), six))
}

// address4 matches IPv4 and, unless ip was said, ARP and RARP.
func (g *generator) address4(p *primitive) *cond {
	in := func(ether, srcAt, dstAt uint32) *cond {
		return both(p.dir, func(d dir) *cond {
			at := g.link.net + srcAt
			if d == dst {
				at = g.link.net + dstAt
			}
			return and(g.link.carries(ether), masked(at, 4, p.addr[0], p.mask[0]))
		})
	}
	ip := in(etherIP, 12, 16)
	if p.proto == protoIP {
		return ip
	}
	return or(or(ip, in(etherARP, 14, 24)), in(etherRARP, 14, 24))
}

func (g *generator) address6(p *primitive, d dir) *cond {
	at := g.link.net + 8
	if d == dst {
		at += 16
	}
	c := g.link.carries(etherIP6)
	for i := range p.addr {
		c = and(c, masked(at+4*uint32(i), 4, p.addr[i], p.mask[i]))
	}
	return c
}

// carriers calls one for each protocol whose ports are meant, and joins what it returns.
func carriers(p proto, one func(number uint32) *cond) *cond {
	if p == protoTCP {
		return one(numberTCP)
	}
	return or(one(numberSCTP), or(one(numberTCP), one(numberUDP)))
}

// ports6 looks for ports right behind the IPv6 header, extension headers or not, as libpcap does.
func (g *generator) ports6(p *primitive) *cond {
	n := g.link.net
	return and(g.link.carries(etherIP6), carriers(p.proto, func(number uint32) *cond {
		return and(compare(n+6, 1, equal, number), both(p.dir, func(d dir) *cond {
			return p.port(load{at: n + 40, size: 2}, d)
		}))
	}))
}

// ports4 looks for ports in whole datagrams and first fragments.
func (g *generator) ports4(p *primitive) *cond {
	n := g.link.net
	return and(g.link.carries(etherIP), carriers(p.proto, func(number uint32) *cond {
		first := not(compare(n+6, 2, anySet, 0x1fff))
		return and(and(compare(n+9, 1, equal, number), first), both(p.dir, func(d dir) *cond {
			return p.port(load{at: n, size: 2, behind: true, head: n}, d)
		}))
	}))
}

func (p *primitive) port(l load, d dir) *cond {
	if d == dst {
		l.at += 2
	}
	if p.kind == aPort {
		return tested(l, equal, p.lo)
	}
	return and(tested(l, atLeast, p.lo), not(tested(l, greater, p.hi)))
}

// vlan matches a tag and moves what comes behind in the text.
func (g *generator) vlan(p *primitive) *cond {
	if !g.link.tags {
		if g.err == nil {
			g.err = &Error{Text: g.text, At: p.word.at, Len: len(p.word.text), What: fmt.Sprintf("%s has no VLAN tags", g.link.name)}
		}
		return never()
	}
	g.tags++
	if g.tagged && g.tags == 1 {
		if !p.numbered {
			return always()
		}
		return masked(tagNumber, 2, p.lo, 0xfff)
	}
	if g.link.typeAt == etherBeside {
		return never() // there is no frame for a tag to stand in
	}
	c := or(or(g.link.carries(etherVLAN), g.link.carries(etherQinQ)), g.link.carries(etherOldQ))
	if p.numbered {
		c = and(c, masked(g.link.net, 2, p.lo, 0xfff))
	}
	g.link.typeAt += 4
	g.link.net += 4
	return c
}

// relation compares an octet of the TCP header of IPv4, behind the first fragment's header.
func (g *generator) relation(r *relation) *cond {
	n := g.link.net
	l := load{at: n + r.off, size: 1, behind: true, head: n}
	t := test{load: l, value: l.String(), k: r.to.value}
	if r.masked {
		t.load.mask = r.mask.value
		t.value += " & " + r.mask.form
	}
	negated := false
	switch r.op {
	case "!=":
		negated = true
	case ">":
		t.op = greater
	case ">=":
		t.op = atLeast
	case "<":
		t.op, negated = atLeast, true
	case "<=":
		t.op, negated = greater, true
	}
	if r.to.form[0] == '(' {
		t.value += " to " + r.to.form
	}
	c := &cond{op: 't', test: t}
	if negated {
		c = not(c)
	}
	first := not(compare(n+6, 2, anySet, 0x1fff))
	return and(g.link.carries(etherIP), and(and(g.proto(protoTCP), first), c))
}
