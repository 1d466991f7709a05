package story

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

func endpoint(text string) tcp.Endpoint { return tcp.EndpointFrom(netip.MustParseAddrPort(text)) }

// stuck is a reader that has stopped reading.
func stuck(conn uint64, server string, seconds int64) *anomaly.Finding {
	client := endpoint(fmt.Sprintf("10.0.3.%d:%d", conn%3, 40000+conn))
	return &anomaly.Finding{
		Rule: &anomaly.ZeroWindow, ID: fmt.Sprintf("%d-zero-window-stall-1", conn), Severity: anomaly.Warning, Culprit: anomaly.ClientApp, Sided: true,
		Case: anomaly.Case{Conn: conn, Client: client, Server: endpoint(server)}, Since: 1e18, Time: 1e18 + seconds*1e9, Hidden: tracker.HiddenPossible,
		Evidence: []uint64{conn + 1}, Summary: "the client's window has been shut",
	}
}

func tellAll(width int, all bool, findings ...*anomaly.Finding) string {
	var out bytes.Buffer
	d := NewDiagnosis(&out, Style{Width: width, All: all, Files: "hang.pcap"})
	for _, f := range findings {
		d.Finding(f)
	}
	for _, f := range findings {
		if !f.Population {
			d.Connection(&tracker.Connection{Conn: f.Conn, Client: tracker.End{Endpoint: f.Client, State: tracker.Established}, Server: tracker.End{Endpoint: f.Server, State: tracker.Established}, Last: f.Time})
		}
	}
	d.Summary(&output.Summary{Packets: 9, Segments: 9})
	return out.String()
}

// Connections that share a disease are one chapter, with their number, the first and the longest.
func TestManyAreOneChapter(t *testing.T) {
	var list []*anomaly.Finding
	for i := range 214 {
		list = append(list, stuck(uint64(i), "10.0.1.9:443", int64(10+i%7)))
	}
	got := tellAll(80, false, list...)
	flat := strings.Join(strings.Fields(got), " ")
	for _, want := range []string{
		"Seen 214 connections to 10.0.1.9:443, the same finding: first 2001-09-09 01:46:40.000 UTC, longest 16.0 s, 214 not over",
		"The longest: connection 6, client 10.0.3.0:40006", "10.0.3.0 (72), 10.0.3.1 (71), 10.0.3.2 (71)", "214 sockets, up to 856 MiB", "explain hang.pcap 6",
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "\n2. ") {
		t.Errorf("two chapters:\n%s", got)
	}
	list = append(list, stuck(300, "10.0.1.8:443", 99))
	if got := strings.Join(strings.Fields(tellAll(80, false, list...)), " "); !strings.Contains(got, "215 connections to 2 servers") || !strings.Contains(got, "214 to 10.0.1.9:443: first 01:46:40.000, longest 16.0 s (connection 6)") {
		t.Errorf("two servers:\n%s", got)
	}
}

// The worst comes first, what is withdrawn is not told, and the proof tells of the stall too.
func TestOrderOfChapters(t *testing.T) {
	mild, grave, gone := stuck(1, "10.0.1.9:443", 5), stuck(2, "10.0.1.9:443", 5), stuck(3, "10.0.1.9:443", 5)
	proof := *grave
	proof.Rule, proof.ID, proof.Severity, proof.Hidden = &anomaly.FinWait1ZeroWindow, "2-fin-wait1-zero-window-1", anomaly.Critical, tracker.HiddenConfirmed
	back := *gone
	back.Status = anomaly.Withdrawn
	got := tellAll(80, false, mild, grave, gone, &back, &proof)
	if !strings.HasPrefix(got, "1. CRITICAL  fin-wait1-zero-window\n") || !strings.Contains(got, "2. WARNING  zero-window-stall\n") {
		t.Errorf("order:\n%s", got)
	}
	if strings.Contains(got, "connections to 10.0.1.9:443") {
		t.Errorf("a stall that is withdrawn, or told with its proof, is counted:\n%s", got)
	}
}

// A finding about a place names nobody whom it does not know.
func TestPlaces(t *testing.T) {
	pile := stuck(0, "10.0.1.9:0", 5)
	pile.Population, pile.Sided, pile.Client, pile.Hidden = true, false, tcp.Endpoint{}, 0
	if got := tellAll(80, false, pile); strings.Contains(got, "invalid") || strings.Contains(got, "0.0.0.0") || strings.Contains(got, ":0'") {
		t.Errorf("%s", got)
	}
}

// Nothing is wider than asked for but single words and commands, whatever the width.
func TestWidths(t *testing.T) {
	six := stuck(7, "[2001:db8::1234:5678:9abc:def0]:65535", 5)
	six.Client = endpoint("[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535")
	for _, width := range []int{60, 80, 200} {
		for line := range strings.Lines(tellAll(width, true, six, stuck(1, "10.0.1.9:443", 70))) {
			line = strings.TrimSuffix(line, "\n")
			command := strings.HasPrefix(line, "     ") && !strings.HasPrefix(line, "      ")
			if n := utf8.RuneCountInString(line); n > width && !command && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
	}
}

// What is kept is bounded, and what is beyond the bound is counted.
func TestStoryIsBounded(t *testing.T) {
	var out bytes.Buffer
	d := NewDiagnosis(&out, Style{Width: 80})
	for i := range maxKept + 5 {
		f := stuck(0, "10.0.1.9:443", 5)
		f.Conn, f.ID = uint64(i), fmt.Sprint(i)
		d.Finding(f)
	}
	d.Summary(&output.Summary{})
	if !strings.Contains(out.String(), "… 5 more findings not kept") {
		t.Errorf("%.300s", out.String())
	}
}
