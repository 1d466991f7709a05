package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// reported makes a page and returns it.
func reported(t *testing.T, args ...string) string {
	t.Helper()
	var out, problems bytes.Buffer
	if code := execute(context.Background(), append([]string{"report"}, args...), nil, &out, &problems); code != 0 {
		t.Fatalf("report %v: exit %d: %s", args, code, problems.String())
	}
	return out.String()
}

// The page tells of the recorded hang: in words, in the table, in a picture.
func TestReport(t *testing.T) {
	page := reported(t, "../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz")
	for _, told := range []string{"zero-window-stall", "The client&#39;s application", `<a href="#c0">0</a>`, "10.77.4.1:40481", `id="c0"`, "zero window for 14.3 s", "ESTABLISHED or FIN_WAIT1", "28 packets"} {
		if !strings.Contains(page, told) {
			t.Errorf("the page does not say %q", told)
		}
	}
	if len(page) > 60_000 {
		t.Errorf("a page of one connection has %d octets", len(page))
	}
}

// A page asks nobody for anything: it names no address but its own places and XML's namespace.
func TestReportAsksNobody(t *testing.T) {
	page := reported(t, "../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz", "../../testdata/pcaps/lossy/s.pcap.gz", "../../testdata/pcaps/accept_queue_full/s.pcap.gz")
	for _, m := range regexp.MustCompile(`(?:src|href|action)=["']?([^"'\s>]*)|url\(([^)]*)`).FindAllStringSubmatch(page, -1) {
		if to := m[1] + m[2]; !strings.HasPrefix(to, "#") && to != "data:," {
			t.Errorf("it asks for %q", m[0])
		}
	}
	if n := strings.Count(strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""), "://"); n > 0 {
		t.Errorf("%d addresses in it", n)
	}
	if strings.Contains(page, " style=") || regexp.MustCompile(`<[a-z]+ [^>]*\son[a-z]+=`).MatchString(page) {
		t.Error("a style or a script stands in an attribute, which its policy forbids")
	}
}

// What is hostile stays text.
func TestReportEscapes(t *testing.T) {
	capture, err := os.ReadFile("../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "a<img src=x onerror=alert(1)><!--\"'{{.}}\x1b[31m.pcap")
	if err := os.WriteFile(name, capture, 0o666); err != nil {
		t.Fatal(err)
	}
	page := reported(t, name)
	if strings.Contains(page, "<img") || strings.Contains(page, "<!--") || strings.ContainsRune(page, '\x1b') {
		t.Error("a file's name became markup")
	}
	if !strings.Contains(page, "a&lt;img src=x onerror=alert(1)&gt;&lt;!--") {
		t.Error("a file's name is not told")
	}
}

// Bounds hold, and what they leave out is said.
func TestReportBounds(t *testing.T) {
	page := reported(t, "../../testdata/pcaps/accept_queue_full/s.pcap.gz", "--rows", "2", "--draw", "1")
	for _, told := range []string{"2 of 4, the worst; 2 more are left out (--rows)", "2 more with findings are not drawn (--draw)"} {
		if !strings.Contains(page, told) {
			t.Errorf("the page does not say %q", told)
		}
	}
	if n := strings.Count(page, "<svg "); n != 1 {
		t.Errorf("%d drawings", n)
	}
}
