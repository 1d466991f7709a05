package tracktest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/tracktest"
)

const hang = "../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz"

func TestRead(t *testing.T) {
	trace := tracktest.Read(t, hang, "../../testdata/pcaps/accept_queue_full/s.pcap.gz")
	trace.One("port:10024").Client(tracker.Established).Server(tracker.Established, tracker.CloseWait).ServerMay(tracker.FinWait1, tracker.Closed).
		Finding("zero-window-stall", "zero-*").NoFinding("reset-*", "fin-unacked").Is("zero_window:>10s blame.window_shut:>50%")
	trace.None("how:rst").Count(3, "accept-queue-overflow").Count(5, "").Found("zero-window-stall", "accept-*")
	if c := trace.All("state:syn_recv")[0].Line(); c.Server.State != tracker.SynRecv {
		t.Errorf("the line says %s", c.Server.State)
	}
}

const handshake = `
0.000 A > B: S  1:1(0)          win 64240 <mss 1460>
0.010 B > A: S. 9:9(0)   ack 2  win 65535 <mss 1460>
0.020 A > B: .  2:2(0)   ack 10 win 502
`

func TestScript(t *testing.T) {
	tracktest.Script(t, handshake).One("").Client(tracker.Established).Server(tracker.Established).NoFinding()
	closed := handshake + `
1.000 A > B: F. 2:2(0)   ack 10 win 502
1.010 B > A: F. 10:10(0) ack 3  win 502
1.020 A > B: .  3:3(0)   ack 11 win 502
`
	tracktest.Script(t, closed).One("").Client(tracker.TimeWait).Is("how:fin")
	// Two minutes later TIME_WAIT is over and the line has been told; what comes then is another connection.
	again := closed + "@ +120s\n" + "130 A > B: S  99:99(0) win 64240 <mss 1460>\n"
	tracktest.Script(t, again).Count(2, "").Count(1, "syn_sent").None("idle:>70s")
	tracktest.Script(t, handshake+"gap\n2 A > B: P. 3000:3010(10) ack 10 win 502\n").One("lossy")
}

// failures is a test that fails in silence.
type failures struct {
	testing.TB
	said []string
}

func (*failures) Helper() {}

func (f *failures) Errorf(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

func (f *failures) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	panic(f)
}

func (f *failures) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }

// What does not hold fails the test and says what is so instead.
func TestFailures(t *testing.T) {
	for what, c := range map[string]struct {
		ask func(*tracktest.Trace)
		say string
	}{
		"state":     {func(tr *tracktest.Trace) { tr.One("").Server(tracker.FinWait2) }, "the server is ESTABLISHED (or CLOSED, FIN_WAIT1), expected [FIN_WAIT2]: connection 0, 10.77.4.1:40481 > 10.77.4.2:10024"},
		"may":       {func(tr *tracktest.Trace) { tr.One("").ClientMay(tracker.Closed) }, "the client is ESTABLISHED and cannot be CLOSED"},
		"one":       {func(tr *tracktest.Trace) { tr.One("port:22") }, "port:22 means 0 of 1 connections, expected one"},
		"none":      {func(tr *tracktest.Trace) { tr.None("") }, " means 1 connections, expected none:\n\tconnection 0"},
		"count":     {func(tr *tracktest.Trace) { tr.Count(3, "") }, "expected 3"},
		"is":        {func(tr *tracktest.Trace) { tr.One("").Is("how:rst") }, "how:rst does not mean it"},
		"finding":   {func(tr *tracktest.Trace) { tr.One("").Finding("syn-flood") }, "syn-flood was not found: connection 0"},
		"nofinding": {func(tr *tracktest.Trace) { tr.One("").NoFinding() }, "* was found"},
		"mistyped":  {func(tr *tracktest.Trace) { tr.One("").NoFinding("zero-window-stal") }, `no finding has the code "zero-window-stal"; nearest: zero-window-stall`},
		"found":     {func(tr *tracktest.Trace) { tr.Found("syn-flood") }, "syn-flood was not found in the capture; found: zero-window-stall"},
		"selection": {func(tr *tracktest.Trace) { tr.One("prt:3") }, "prt:3\n^^^"},
	} {
		f := &failures{TB: t}
		func() {
			defer func() {
				if p := recover(); p != nil && p != any(f) {
					panic(p)
				}
			}()
			c.ask(tracktest.Read(f, hang))
		}()
		if len(f.said) != 1 || !strings.Contains(f.said[0], c.say) {
			t.Errorf("%s: said %q, want %q", what, f.said, c.say)
		}
	}
	f := &failures{TB: t}
	func() {
		defer func() { recover() }()
		tracktest.Script(f, "nonsense")
	}()
	if len(f.said) != 1 {
		t.Errorf("nonsense: %q", f.said)
	}
}

// It works from another module, without cgo.
func TestForeignModule(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a module")
	}
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sums, err := os.ReadFile(filepath.Join(top, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(top, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	// The requirements of ours are theirs as well: go mod tidy would write them.
	_, rest, _ := strings.Cut(string(mod), "\n")
	for name, text := range map[string]string{
		"go.mod": "module example.com/foreign\n" + rest + "\nrequire github.com/tcptrack/tcptrack v0.0.0\nreplace github.com/tcptrack/tcptrack => " + top + "\n",
		"go.sum": string(sums),
		"foreign_test.go": `package foreign

import (
	"testing"

	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/tracktest"
)

func TestHang(t *testing.T) {
	tracktest.Read(t, "` + filepath.ToSlash(filepath.Join(top, "testdata/pcaps/fin_wait1_zero_window/s.pcap.gz")) + `").
		One("port:10024").ServerMay(tracker.FinWait1).Finding("zero-window-stall")
}
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
