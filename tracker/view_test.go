package tracker

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
)

// lastLook looks at a connection just before it retires and holds its line to that.
type lastLook struct {
	t     *testing.T
	looks int
	over  bool
	seen  string
}

func (l *lastLook) Fact(f *Fact) {
	if f.Kind == Began {
		f.Conn.Follow()
		return
	}
	var c Connection
	f.Conn.Connection(&c)
	f.Conn.Connection(&c) // a second look changes nothing
	l.seen, l.over = fmt.Sprintf("%+v", c), f.Over
}

func (l *lastLook) Connection(c *Connection) {
	if l.seen == "" || l.over {
		return // its life ends with its last packet, which the look could not know
	}
	l.looks++
	if line := fmt.Sprintf("%+v", *c); line != l.seen {
		l.t.Errorf("the line is\n%s\nand just before it the connection was\n%s", line, l.seen)
	}
	l.seen = ""
}

func (l *lastLook) Transition(*Transition) {}
func (l *lastLook) Next() int64            { return math.MaxInt64 }
func (l *lastLook) Advance(int64, uint64)  {}

// A living connection is described as its line would if it retired now.
func TestViewIsAsTheLine(t *testing.T) {
	files, err := traceFiles()
	if err != nil {
		t.Fatal(err)
	}
	look := &lastLook{t: t}
	for _, f := range files {
		tr := New(Config{Sink: look, Connections: true, Blame: true, Witness: look, Facts: Began | Ended})
		for i := range f.Items {
			if it := &f.Items[i]; it.Kind == trace.Segment {
				tr.Observe([]tcp.Segment{it.Segment})
			}
		}
		tr.Close()
	}
	if look.looks < 100 {
		t.Errorf("%d connections were looked at", look.looks)
	}
}

// Living shows those connections, in that order, whose lines come if the input ends now.
func TestLiving(t *testing.T) {
	files, err := traceFiles()
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, f := range files {
		var lines numbersOf
		tr := New(Config{Sink: &lines, Connections: true})
		for i := range f.Items {
			if it := &f.Items[i]; it.Kind == trace.Segment {
				tr.Observe([]tcp.Segment{it.Segment})
			}
		}
		lines = nil
		var living []uint64
		for v := range tr.Living() {
			living = append(living, v.Num())
		}
		tr.Close()
		if !slices.Equal(living, lines) {
			t.Errorf("%s: %d live, the lines are of %d", f.name, living, lines)
		}
		for range tr.Living() {
			t.Errorf("%s: something lives after the end", f.name)
		}
		looked += len(living)
	}
	if looked < 50 {
		t.Errorf("%d connections were looked at", looked)
	}
}

// numbersOf are the numbers of the connections whose lines came.
type numbersOf []uint64

func (l *numbersOf) Transition(*Transition)   {}
func (l *numbersOf) Connection(c *Connection) { *l = append(*l, c.Conn) }
