package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// golden compares what was printed with a file, or writes it with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	for line := range strings.Lines(got) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("%s: a line of %d columns: %s", file, n, line)
		}
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want, err := os.ReadFile(file); err != nil || got != string(want) {
		t.Errorf("%s: %v\n got %s\nwant %s", file, err, got, want)
	}
}

// recordings are one capture of each recorded scenario, by a name for it.
func recordings(t *testing.T) map[string]string {
	list := map[string]string{}
	for _, pattern := range []string{"../../testdata/pcaps/*/s.pcap.gz", "../../testdata/pcaps/zero-window/*.pcap.gz"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			name := filepath.Base(filepath.Dir(f))
			if name == "zero-window" {
				name = "zw_" + strings.TrimSuffix(filepath.Base(f), ".pcap.gz")
			}
			list[name] = f
		}
	}
	return list
}

// runBeside runs a command on a file, in the file's directory, so that what is printed tells no other; the last of args
// stays behind the file if it is a number.
func runBeside(t *testing.T, file string, args ...string) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chdir(filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}
	defer os.Chdir(here)
	at := len(args)
	if args[at-1] == "0" {
		at--
	}
	return runOutput(t, slices.Insert(slices.Clone(args), at, filepath.Base(file))...)
}

// The story of every recording is as people last found it right; go test -update writes it anew.
func TestStories(t *testing.T) {
	for name, file := range recordings(t) {
		golden(t, filepath.Join("testdata", "story", name+".txt"), runBeside(t, file, "diagnose", "--all", "--color", "never"))
	}
}

// lives are the recordings whose first connection is told in full.
var lives = []string{"fin_wait1_zero_window", "fin_wait1_zero_window_visible", "accept_queue_full", "keepalive_dead", "lossy", "simultaneous_close",
	"zw_07_close_pending_peerdata", "zw_08_open_pending_peerdata", "zw_16_close_pending_reopen", "zw_21_close_pending_default"}

// So is the life of the first connection of some.
func TestLives(t *testing.T) {
	for name, file := range recordings(t) {
		if slices.Contains(lives, name) {
			golden(t, filepath.Join("testdata", "life", name+".txt"), runBeside(t, file, "explain", "--color", "never", "0"))
		}
	}
}

// Every finding and every state has its page, and the table of contents lists them all.
func TestManual(t *testing.T) {
	contents := runOutput(t, "explain")
	for _, r := range anomaly.Rules {
		if page := runOutput(t, "explain", r.Code); !strings.HasPrefix(page, r.Code+": "+r.Title) && len(r.Code+r.Title) < 76 {
			t.Errorf("explain %s: %s", r.Code, page)
		}
		if !strings.Contains(contents, "\n  "+r.Code+" ") {
			t.Errorf("%s is not in the contents", r.Code)
		}
	}
	for _, m := range output.States {
		for _, spelling := range []string{m.State.String(), strings.ToLower(m.State.String()), strings.ReplaceAll(m.State.String(), "_", "-")} {
			if page := runOutput(t, "explain", spelling); !strings.HasPrefix(page, m.State.String()+"\n") {
				t.Errorf("explain %s: %s", spelling, page)
			}
		}
	}
	if len(output.States) != 11 {
		t.Errorf("%d states have a manual", len(output.States))
	}
}

// No two findings fight over a flag, and every flag that exists names a threshold.
func TestThresholdFlags(t *testing.T) {
	for _, x := range limitFlags {
		if r := anomaly.Find(x.code); r != nil && limitOf(r, x.limit) == nil {
			t.Errorf("--%s: %s has no threshold %s", x.flag, x.code, x.limit)
		}
	}
}
