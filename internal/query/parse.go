package query

import (
	"strings"
	"unicode/utf8"
)

// Bounds of a selection.
const (
	MaxLength = 4096 // octets
	MaxDepth  = 64   // of brackets and nots within each other
)

// Parse reads a selection; an empty one means all connections. The error is an *Error.
func Parse(text string) (*Selection, error) {
	p := parser{text: text, crowd: true}
	if len(text) > MaxLength {
		return nil, p.fail(0, 0, "the selection is too long", "at most 4096 octets")
	}
	if bad := strings.ToValidUTF8(text, "\x00"); bad != text {
		return nil, p.fail(0, 0, "the selection is not UTF-8", "")
	}
	p.blanks()
	if p.at == len(text) {
		return &Selection{text: text, crowd: true}, nil
	}
	m, err := p.or()
	if err == nil && p.at < len(text) {
		err = p.fail(p.at, 1, "a bracket is closed that was not opened", "")
	}
	if err != nil {
		return nil, err
	}
	return &Selection{text: text, match: m, blamed: p.blamed, zeeked: p.zeeked, crowd: p.crowd, judged: p.judged}, nil
}

// Term reads one question: the name of a field, and a value or several as they stand behind its colon. Positions in the
// *Error are those within the value, but for a field that does not exist.
func Term(name, value string) (*Selection, error) {
	p := parser{text: name, crowd: true}
	f, of := find(name)
	if f == nil {
		return nil, p.noField(0, name)
	}
	p.text = value
	if len(value) > MaxLength {
		return nil, p.fail(0, 0, "the value is too long", "at most 4096 octets")
	}
	m, err := p.values(f, of, 0)
	if err == nil && p.at < len(value) {
		err = p.fail(p.at, len(value)-p.at, "one value is expected, or several with commas", "")
	}
	if err != nil {
		return nil, err
	}
	return &Selection{text: name + ":" + value, match: m, blamed: p.blamed, zeeked: p.zeeked, crowd: p.crowd, judged: p.judged}, nil
}

// parser reads a selection from left to right and compiles it on the way.
type parser struct {
	text   string
	at     int
	depth  int
	blamed bool
	zeeked bool
	crowd  bool
	judged bool
}

func (p *parser) fail(at, n int, what, next string) error {
	return &Error{Text: p.text, At: min(at, len(p.text)), Len: max(min(n, len(p.text)-at), 0), What: what, Next: next}
}

// blanks skips blanks and line ends.
func (p *parser) blanks() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// peek is the next octet, 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// operator takes one of the operators, if it is next: a word of letters, or its signs.
func (p *parser) operator(word, signs string) bool {
	p.blanks()
	rest := p.text[p.at:]
	if strings.HasPrefix(rest, signs) {
		p.at += len(signs)
		return true
	}
	if len(rest) < len(word) || !strings.EqualFold(rest[:len(word)], word) {
		return false
	}
	if len(rest) > len(word) && !strings.ContainsRune(" \t\r\n()", rune(rest[len(word)])) {
		return false
	}
	p.at += len(word)
	return true
}

// or = and { "or" and }
func (p *parser) or() (match, error) {
	left, err := p.and()
	for err == nil && p.operator("or", "||") {
		var right match
		if right, err = p.and(); err == nil {
			left = left.or(right)
		}
	}
	return left, err
}

// and = not { [ "and" ] not }
func (p *parser) and() (match, error) {
	left, err := p.not()
	for err == nil {
		from := p.at
		if p.operator("or", "||") {
			p.at = from
			break
		}
		if !p.operator("and", "&&") && (p.peek() == ')' || p.at == len(p.text)) {
			break
		}
		var right match
		if right, err = p.not(); err == nil {
			left = left.and(right)
		}
	}
	return left, err
}

// not = "not" not | "(" or ")" | term
func (p *parser) not() (match, error) {
	p.depth++
	defer func() { p.depth-- }()
	from := p.at
	negated := p.operator("not", "!")
	if p.depth > MaxDepth {
		return nil, p.fail(from, 1, "brackets and nots are nested too deeply", "at most 64 levels")
	}
	if negated {
		m, err := p.not()
		return m.negated(), err
	}
	if p.peek() != '(' {
		return p.term()
	}
	open := p.at
	p.at++
	m, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.blanks(); p.peek() != ')' {
		return nil, p.fail(open, 1, "this bracket is not closed", "")
	}
	p.at++
	return m, nil
}

// ends are the octets that end a word.
const ends = " \t\r\n(),\""

// word takes all up to the next blank, bracket, comma or quotation mark.
func (p *parser) word() string {
	n := strings.IndexAny(p.text[p.at:], ends)
	if n < 0 {
		n = len(p.text) - p.at
	}
	w := p.text[p.at : p.at+n]
	p.at += n
	return w
}

// term = field ":" values | field comparison value | a word that says by itself what it is
func (p *parser) term() (match, error) {
	from := p.at
	for _, o := range [...]struct{ word, signs string }{{"or", "||"}, {"and", "&&"}} {
		if p.operator(o.word, o.signs) {
			return nil, p.fail(from, p.at-from, "something is missing before this", "")
		}
	}
	whole := p.word()
	if whole == "" {
		return nil, p.missing()
	}
	name := whole
	if n := strings.IndexAny(whole, ":=<>!"); n >= 0 {
		name = whole[:n]
	}
	f, of := find(name)
	if f == nil {
		return p.bare(from, whole, name)
	}
	p.at = from + len(name)
	if p.peek() == ':' {
		p.at++
		return p.values(f, of, from)
	}
	after := p.at
	p.blanks()
	if rest := p.text[p.at:]; !strings.HasPrefix(rest, "!=") && strings.IndexAny(rest, "=<>") != 0 {
		p.at = after
		return p.bare(from, whole, name)
	}
	return p.value(f, of, from)
}

// missing is the error of a place where a term is expected and there is none.
func (p *parser) missing() error {
	switch {
	case p.at == len(p.text):
		return p.fail(p.at, 0, "the selection ends too early", "a field with its value is expected, as port:443")
	case p.peek() == ')':
		return p.fail(p.at, 1, "a bracket is closed here and something is missing before it", "")
	}
	return p.fail(p.at, 1, "a field with its value is expected here", "as port:443")
}

// values = value { "," value } | "(" value { ( "," | "or" ) value } ")"; from is where the term begins.
func (p *parser) values(f *Field, of sides, from int) (match, error) {
	p.blanks()
	open := p.at
	bracket := p.peek() == '('
	if bracket {
		p.at++
	}
	any, err := p.value(f, of, from)
	for err == nil {
		if bracket {
			p.blanks()
		}
		if p.peek() == ',' {
			p.at++
		} else if !bracket || !p.operator("or", "||") {
			break
		}
		var next match
		if next, err = p.value(f, of, from); err == nil {
			any = any.or(next)
		}
	}
	if err != nil || !bracket {
		return any, err
	}
	if p.peek() == ')' {
		p.at++
		return any, nil
	}
	if p.at == len(p.text) {
		return nil, p.fail(open, 1, "this bracket is not closed", "")
	}
	_, size := utf8.DecodeRuneInString(p.text[p.at:])
	return nil, p.fail(p.at, size, "or, a comma or a closing bracket is expected between the values of "+f.Name, "as "+f.Name+":("+f.values(0)+" or "+f.values(1)+")")
}

// value = [ comparison ] ( word | word ".." word | quoted ); from is where the term begins.
func (p *parser) value(f *Field, of sides, from int) (match, error) {
	p.blanks()
	op := p.comparison()
	p.blanks()
	at := p.at
	var text string
	if p.peek() == '"' {
		n := strings.IndexByte(p.text[p.at+1:], '"')
		if n < 0 {
			return nil, p.fail(at, 1, "this quotation mark is not closed", "")
		}
		at++
		text = p.text[at : at+n]
		p.at = at + n + 1
	} else {
		text = p.word()
	}
	if text == "" {
		return nil, p.fail(from, max(p.at-from, 1), f.Name+" has no value here", "as "+f.Like)
	}
	p.crowd = p.crowd && f.crowd
	p.blamed = p.blamed || f.blamed
	p.zeeked = p.zeeked || f.zeeked
	p.judged = p.judged || f.judged
	m, what, next := f.compile(of, op, text)
	if m == nil {
		return nil, p.fail(at, len(text), what, next)
	}
	return m, nil
}

// comparisons, the longer before those that they begin with.
var comparisons = [...]string{">=", "<=", "==", "!=", ">", "<", "="}

// comparison takes a comparison, "=" for none.
func (p *parser) comparison() string {
	for _, op := range comparisons {
		if strings.HasPrefix(p.text[p.at:], op) {
			p.at += len(op)
			if op == "==" {
				op = "="
			}
			return op
		}
	}
	return "="
}
