package trace

import (
	"strings"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// DefaultOrigin is the instant that times count from in a trace without an origin line.
var DefaultOrigin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()

// Trace is a trace as read.
type Trace struct {
	Title  string // the first comment
	Origin int64  // what the times of the first item count from, nanoseconds since 1970 UTC
	Names  []Name // in order of first appearance
	Items  []Item // in order of lines
}

// Name is a name for an endpoint; Text is empty where the trace gave the address in its place.
type Name struct {
	Text string
	tcp.Endpoint
}

// Kind says what an Item is.
type Kind uint8

const (
	Segment Kind = iota // a segment passes the tap
	Expect              // states expected now
	Finding             // findings expected now
	Advance             // time passes without a packet
	Gap                 // the capture lost packets
)

// Item is one line's meaning.
type Item struct {
	Line    int
	Kind    Kind
	Time    int64       // of a Segment; to which an Advance goes; of any other, the latest time before it
	Segment tcp.Segment // meaningful iff Kind is Segment
	Ends    Ends        // meaningful iff Kind is Expect
	Found   Found       // meaningful iff Kind is Finding
}

// Ends is what is expected of, or known of, the two ends of a connection.
type Ends struct {
	Of    [2]tcp.Endpoint
	Named bool // the line names the pair; otherwise it is the latest segment's
	Are   [2]End
}

// String spells the two states as they stand behind the = of a trace.
func (e Ends) String() string { return "= " + e.Are[0].String() + " " + e.Are[1].String() }

// End is what is expected of, or known of, one end; the zero value is an end that is not checked.
type End struct {
	Checked bool
	State   tcp.State
	Proven  bool
	Others  tcp.StateSet // the states possible beside State
	Any     bool         // whatever others are possible, and so whether proven or not
}

// Agrees says that the end known satisfies what want expects.
func (known End) Agrees(want End) bool {
	return !want.Checked || known.State == want.State && (want.Any || known.Proven == want.Proven && known.Others == want.Others)
}

// String spells the end as a trace does.
func (e End) String() string {
	var b strings.Builder
	if !e.Checked {
		return "-"
	}
	b.WriteString(e.State.String())
	if !e.Proven {
		b.WriteByte('?')
	}
	switch {
	case e.Any:
		b.WriteString("{*}")
	case e.Others != 0:
		b.WriteByte('{')
		b.WriteString(strings.ReplaceAll(e.Others.String(), "|", ","))
		b.WriteByte('}')
	}
	return b.String()
}

// Found is what is expected of the findings raised so far.
type Found struct {
	Is      Is
	Codes   []string // one but for Exactly
	Culprit string   // of Raised; empty: not checked
}

// Is tells the forms of a line on findings apart.
type Is uint8

const (
	Raised    Is = iota // ! code [culprit]
	NotRaised           // !- code
	Exactly             // !! code code, or !! none
)
