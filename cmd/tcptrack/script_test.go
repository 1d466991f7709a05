package main

import (
	"compress/gzip"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts and golden files")

func TestMain(m *testing.M) {
	// With the race detector a program ends a second late, and here hundreds of them run.
	if _, ok := os.LookupEnv("GORACE"); !ok {
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	testscript.Main(m, map[string]func(){"tcptrack": main})
}

// Each script in testdata/script is a story told in commands and what they print.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			pcaps, err := filepath.Abs("../../testdata/pcaps")
			if err != nil {
				return err
			}
			e.Setenv("PCAPS", pcaps)
			e.Setenv("TERM", "dumb")
			// An uncompressed capture to cut and to pipe.
			return unzip(filepath.Join(pcaps, "fin_wait1_zero_window", "s.pcap.gz"), filepath.Join(e.WorkDir, "hang.pcap"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"cut": cut, "narrow": narrow},
	})
}

func unzip(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o666)
}

// cut FROM TO N copies the first N octets of a file.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: cut FROM TO N")
	}
	var n int
	for _, c := range args[2] {
		n = n*10 + int(c-'0')
	}
	text := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text[:n]), 0o666))
}

// narrow N FILE says that no line of a file, or of stdout, is wider than N columns.
func narrow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: narrow N FILE")
	}
	var width int
	for _, c := range args[0] {
		width = width*10 + int(c-'0')
	}
	for _, line := range strings.Split(ts.ReadFile(args[1]), "\n") {
		if n := len([]rune(line)); n > width {
			ts.Fatalf("a line of %d columns: %s", n, line)
		}
	}
}
