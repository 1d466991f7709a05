package query

import (
	"fmt"
	"slices"
	"strings"
)

// names are all spellings of the fields, those with a side among them.
var names = func() map[string]named {
	all := map[string]named{}
	for i := range Fields {
		f := &Fields[i]
		for _, name := range append([]string{f.Name}, f.Also...) {
			all[name] = named{f, either}
			if f.Sided {
				all["client."+name], all["server."+name] = named{f, ofClient}, named{f, ofServer}
			}
		}
	}
	return all
}()

type named struct {
	*Field
	of sides
}

// find is the field of that name, nil if there is none, and the end that the name asks for.
func find(name string) (*Field, sides) {
	n := names[strings.ReplaceAll(strings.ToLower(name), "-", "_")]
	return n.Field, n.of
}

// Names lists every name that may stand before a colon, in order.
func Names() []string {
	var list []string
	for name := range names {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// self are the fields whose values say by themselves what they are.
var self = []string{"state", "finding", "severity"}

// bare reads a word without a field: an address, a state, a code, a severity, or a field that is yes or no.
func (p *parser) bare(from int, whole, name string) (match, error) {
	if f, of := find(whole); f != nil && len(f.Words) == len(yesNo) && f.Words[0] == yesNo[0] {
		return p.meant(f, of, "yes")
	}
	for _, name := range self {
		f, _ := find(name)
		if mask, _, _ := f.mask("=", whole); mask != 0 && whole != "*" && plain(whole) != "none" {
			return p.meant(f, either, whole)
		}
	}
	ip, _ := find("ip")
	if test, _, _ := place(whole); test != nil {
		return p.meant(ip, either, whole)
	}
	if f, _ := find(name); f != nil {
		return nil, p.fail(from, len(whole), fmt.Sprintf("%s of what value?", name), "as "+f.Like)
	}
	if strings.IndexFunc(whole, func(r rune) bool { return r < '0' || r > '9' }) < 0 {
		return nil, p.fail(from, len(whole), whole+" of what?", "port:"+whole+", or conn:"+whole+", or stream:"+whole)
	}
	if len(name) < len(whole) {
		return nil, p.noField(from, name)
	}
	next := "write FIELD:VALUE; alone stand addresses, states, codes of findings and severities"
	var words []string
	for _, name := range self {
		f, _ := find(name)
		words = append(words, f.Words...)
	}
	if near := Nearest(plain(whole), append(words, Names()...)); near != "" {
		next = fmt.Sprintf("did you mean %s? %s", near, next)
	}
	return nil, p.fail(from, len(whole), fmt.Sprintf("%q alone says nothing", whole), next)
}

// meant is bare's answer: the word as a value of the field.
func (p *parser) meant(f *Field, of sides, text string) (match, error) {
	p.crowd = p.crowd && f.crowd
	p.judged = p.judged || f.judged
	p.zeeked = p.zeeked || f.zeeked
	m, _, _ := f.compile(of, "=", text)
	return m, nil
}

// noField is the error of a name that no field has.
func (p *parser) noField(from int, name string) error {
	next := "tcptrack help selection lists the fields"
	if name == "" {
		return p.fail(from, 1, "a field is missing before this", next)
	}
	plainName := strings.ReplaceAll(strings.ToLower(name), "-", "_")
	side, rest, sided := strings.Cut(plainName, ".")
	if f, of := find(rest); sided && (side == "client" || side == "server") && f != nil && of == either {
		return p.fail(from, len(name), f.Name+" is of the connection, not of one end", "write "+f.Name+" alone")
	}
	if near := Nearest(plainName, Names()); near != "" {
		next = fmt.Sprintf("did you mean %s? %s", near, next)
	}
	return p.fail(from, len(name), fmt.Sprintf("no field is called %q", name), next)
}
