package stats

import (
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

func TestBoth(t *testing.T) {
	b := NewBoth()
	at := func(s tracker.State) Key { return Key{443, tracker.Server, s} }
	b.Seen(at(tracker.Established), tracker.Established, tcp.Set(tracker.Established))
	b.Seen(at(tracker.FinWait1), tracker.Established, tcp.Set(tracker.Established, tracker.FinWait1))
	b.Seen(at(tracker.CloseWait), tracker.Established, tcp.Set(tracker.Established))
	b.Silent(at(tracker.Established))
	b.Lone(at(tracker.FinWait2))
	b.LeftOut = 7
	var out strings.Builder
	if err := b.Table(&out, 80); err != nil {
		t.Fatal(err)
	}
	const want = `PORT  SIDE    STATE        KERNEL  WIRE  DIFFER  NO PACKET  NO SOCKET
 443  server  ESTABLISHED       2     3                  1
 443  server  FIN_WAIT1         1     0       1
 443  server  FIN_WAIT2         0     1                             1
 443  server  CLOSE_WAIT        1     0       1
4 sockets, 3 of them with packets captured; on 2 the wire says another state
  than the kernel, and had held the kernel's for possible on 1; 1 end on the
  wire without a socket; 7 sockets more than could be compared
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	if err := b.CSV(&out); err != nil || !strings.Contains(out.String(), "\n443,server,CLOSE_WAIT,1,0,1,1,0,0\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
