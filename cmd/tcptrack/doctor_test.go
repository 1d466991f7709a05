package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
)

// What the kernel tells in its own words is read right, and silence is no health.
func TestDoctorReads(t *testing.T) {
	for _, c := range []struct {
		got  exam
		want health
		says string
	}{
		{backlog("00000010 00000000 00000003 00000000\n00000010 00000000 00000001 00000000\n"), fine, "out of time 4 times"},
		{backlog("00000010 0000000a 00000003 00000000\n00000010 00000010 00000001 00000000\n"), mind, "dropped 26 packets"},
		{backlog(""), mind, "not told"},
		{clock("tsc"), fine, "tsc"},
		{clock("acpi_pm"), mind, "slow or coarse"},
		{clock(""), mind, "not told"},
	} {
		if c.got.State != c.want || !strings.Contains(c.got.Says, c.says) || c.got.State == ill && c.got.Do == "" {
			t.Errorf("%+v, not %s: %s", c.got, c.want, c.says)
		}
	}
}

// interfaces and doctor tell in both formats, and exit with 0 exactly when something can be captured from; what is bad
// says what to do.
func TestInterfacesAndDoctor(t *testing.T) {
	src, err := capture.Live([]string{"lo"}, capture.LiveOptions{})
	want := exitUsage
	if err == nil {
		src.Close()
		want = exitFine
	}
	for _, args := range [][]string{{"interfaces"}, {"-D"}, {"interfaces", "-o", "json"}, {"doctor"}, {"doctor", "-o", "json"}} {
		var out, stderr strings.Builder
		if code := execute(t.Context(), args, nil, &out, &stderr); code != want {
			t.Errorf("%v: exit code %d, not %d: %s", args, code, want, stderr.String())
		}
		if args[len(args)-1] != "json" {
			if !strings.Contains(out.String(), "loopback") && args[0] != "doctor" {
				t.Errorf("%v: %s", args, out.String())
			}
			continue
		}
		for line := range strings.Lines(out.String()) {
			var v struct {
				Name, Check, State, Do string
				Capture                *bool
			}
			if err := json.Unmarshal([]byte(line), &v); err != nil || (v.Name == "") == (v.Check == "") {
				t.Errorf("%v: %v %s", args, err, line)
			}
			if v.State == "bad" && v.Do == "" {
				t.Errorf("nothing to do: %s", line)
			}
		}
	}
	if code := execute(t.Context(), []string{"doctor", "-o", "xml"}, nil, &strings.Builder{}, &strings.Builder{}); code != exitUsage {
		t.Errorf("doctor -o xml: %d", code)
	}
}
