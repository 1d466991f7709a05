package query

import (
	"errors"
	"strings"
	"testing"
)

// What is wrong is told with the place and the next step.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, caret, what, next string }{
		{"prot:443", "^^^^", `no field is called "prot"`, "did you mean port?"},
		{"port:443 stat:fin_wait1", "         ^^^^", `no field is called "stat"`, "did you mean state?"},
		{"port:443 client.idle:>3s", "         ^^^^^^^^^^^", "idle is of the connection, not of one end", "write idle alone"},
		{"state:fin_wait3", "      ^^^^^^^^^", `state is never "fin_wait3"`, "did you mean fin-wait1?"},
		{"finding:zero-window-stal", "        ^^^^^^^^^^^^^^^^", "", "did you mean zero-window-stall?"},
		{"finding:nothing*", "        ^^^^^^^^", `finding is never "nothing*"`, "tcptrack explain"},
		{"port:", "^^^^^", "port has no value here", "as port:443"},
		{"port:443,", "^^^^^^^^^", "port has no value here", ""},
		{"(port:443", "^", "this bracket is not closed", ""},
		{"port:(443", "     ^", "this bracket is not closed", ""},
		{"port:(443 state:closed)", "          ^", "or, a comma or a closing bracket", "port:(443 or 8000..8999)"},
		{"port:443)", "        ^", "a bracket is closed that was not opened", ""},
		{"()", " ^", "a bracket is closed here", ""},
		{"port:443 or", "           ^", "the selection ends too early", "as port:443"},
		{"or port:443", "^^", "something is missing before this", ""},
		{"port:443 and and port:1", "             ^^^", "something is missing before this", ""},
		{"not", "   ^", "the selection ends too early", ""},
		{"idle:>30", "      ^^", `"30" is no value of idle`, "as idle:>30s"},
		{"bytes:>10XB", "       ^^^^", `"10XB" is no value of bytes`, "KiB"},
		{"retransmitted:>5", "               ^", "no value of retransmitted", "per cent"},
		{"port:9..3", "     ^^^^", "holds nothing", "lower bound"},
		{"port:..", "     ^^", "no value of port", ""},
		{"client:web01", "       ^^^^^", "neither an address nor a network", "as 10.0.3.7"},
		{"ip:10.0.3.*", "   ^^^^^^^^", "neither an address nor a network", "as 10.0.3.0/24"},
		{"client:443", "       ^^^", "neither an address", "port:443"},
		{"client:>10.0.0.0", "        ^^^^^^^^", "addresses have no order", ""},
		{"state:>closed", "       ^^^^^^", "state has no order", ""},
		{"443", "^^^", "443 of what?", "port:443"},
		{"fin_wiat1", "^^^^^^^^^", `"fin_wiat1" alone says nothing`, "did you mean fin-wait1?"},
		{"packets", "^^^^^^^", "packets of what value?", "packets:>10k"},
		{`state:"fin`, "      ^", "this quotation mark is not closed", ""},
		{"start:yesterday", "      ^^^^^^^^^", "no value of start", "a date"},
		{"ü:1", "^", `no field is called "ü"`, ""},
		{"state:clösed prt:1", "      ^^^^^^", "state is never", ""},
		{"\x1b[2J", "^^^^", "", ""},
		{"port:443\x00", "     ^^^^", "", ""},
		{strings.Repeat("not ", 80) + "port:1", "", "nested too deeply", "64"},
		{strings.Repeat("(", 80) + "port:1", "", "nested too deeply", ""},
		{strings.Repeat("port:1 ", 600), "", "too long", "4096"},
		{"port:\xff", "", "not UTF-8", ""},
	} {
		_, err := Parse(c.text)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: no error", c.text)
			continue
		}
		text, caret, _ := strings.Cut(e.Caret(), "\n")
		if c.caret != "" && (caret != c.caret || len(text) < len("()")) || !strings.Contains(e.What, c.what) || !strings.Contains(e.Next, c.next) {
			t.Errorf("%s\n%s: %s\n%s", e.Caret(), e.What, e.Next, c.what)
		}
		if strings.ContainsAny(text, "\x00\x1b\t") {
			t.Errorf("%q reaches the terminal", text)
		}
	}
}

// A long selection shows the part around what is wrong.
func TestCaretOfLong(t *testing.T) {
	_, err := Parse(strings.Repeat("port:443 or ", 40) + "prot:22" + strings.Repeat(" or port:443", 40))
	text, caret, _ := strings.Cut(err.(*Error).Caret(), "\n")
	at := strings.Index(caret, "^^^^")
	if n := len([]rune(text)); n > 110 || string([]rune(text)[at:at+4]) != "prot" {
		t.Errorf("%s\n%s", text, caret)
	}
}

func TestTerm(t *testing.T) {
	a := hang()
	for _, c := range []struct {
		name, value string
		want        bool
	}{
		{"zero_window.duration", ">= 60s", true}, {"retransmissions", "<= 5", false}, {"server.state", "fin_wait1, closed", true}, {"port", "(80 or 443)", true},
	} {
		if q, err := Term(c.name, c.value); err != nil || q.Match(&a) != c.want {
			t.Errorf("%s: %s: %v", c.name, c.value, err)
		}
	}
	for _, c := range [][2]string{{"prot", "3"}, {"port", "3 state:closed"}, {"port", ""}, {"state", "opne"}} {
		if _, err := Term(c[0], c[1]); err == nil {
			t.Errorf("%s: %s is taken", c[0], c[1])
		}
	}
}

// Whatever is typed, the parser answers, and an error lies within the text.
func FuzzParse(f *testing.F) {
	for _, m := range meanings {
		f.Add(m.text)
	}
	f.Add("state:(")
	f.Add("not (((")
	f.Add("idle:>1e9999s..")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text)
		Complete(text)
		if err != nil {
			e := err.(*Error)
			if e.At < 0 || e.Len < 0 || e.At+e.Len > len(text) || e.What == "" {
				t.Fatalf("%q: %+v", text, e)
			}
			e.Caret()
			return
		}
		a, b := hang(), reset()
		q.Match(&a)
		// Its negation means exactly the others.
		if not, err := Parse("not (" + text + ")"); err == nil && strings.TrimSpace(text) != "" && not.Match(&b) == q.Match(&b) {
			t.Fatalf("%q and its negation mean the same", text)
		}
	})
}
