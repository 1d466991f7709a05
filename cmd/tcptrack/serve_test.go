package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What cannot be served is said before anything is opened, with what helps.
func TestServeRefuses(t *testing.T) {
	short, large := filepath.Join(t.TempDir(), "token"), filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, bytes.Repeat([]byte("t"), maxTokenFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(short, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const file = "../../testdata/pcaps/refused/c.pcap.gz"
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--listen", "0.0.0.0:0", file}, "--token-file token"},
		{[]string{"--listen", "[::]:0", file}, "others can reach that"},
		{[]string{"--listen", ":0", file}, "others can reach that"},
		{[]string{"--listen", "localhost", file}, "no address with a port"},
		{[]string{"--token-file", short, file}, "at least 16 characters"},
		{[]string{"--token-file", short + "x", file}, "makes a token"},
		{[]string{"--token-file", os.DevNull, file}, "at least 16 characters"},
		{[]string{"--token-file", large, file}, "is no token: it is larger than"},
		{[]string{"--rows", "0", file}, "nothing to show"},
		{[]string{"--socket-group", "root", file}, "add --socket PATH"},
		{[]string{"--socket", short, file}, "no socket"},
		{[]string{"-i", "lo", "-r", file}, "an interface and a file at once"},
		{[]string{"no-such.pcap"}, "check the path"},
		{[]string{"--ring", "1", "-"}, "64KiB"},
	} {
		var out, errs strings.Builder
		code := execute(t.Context(), append([]string{"serve", "--listen", "127.0.0.1:0"}, c.args...), strings.NewReader(""), &out, &errs)
		if code != exitUsage || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%v: exit code %d, %s", c.args, code, errs.String())
		}
	}
}

// Of a stream all is shown that has come, though it is silent then and goes on; its packets come from memory.
func TestServeStream(t *testing.T) {
	_, text := hang(t)
	r, w := io.Pipe()
	defer w.Close()
	ctx, stop := context.WithCancel(t.Context())
	var said notes
	ended := make(chan int)
	go func() { ended <- execute(ctx, []string{"serve", "--listen", "127.0.0.1:0", "-"}, r, io.Discard, &said) }()
	w.Write(text[:len(text)/2])
	base := ""
	for end := time.Now().Add(patience); base == "" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, rest, ok := strings.Cut(said.String(), "serving http://"); ok {
			base, _, _ = strings.Cut(rest, "/")
		}
	}
	get := func(path string) string {
		t.Helper()
		a, err := http.Get("http://" + base + "/api/v1/" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	await := func(what string) {
		t.Helper()
		for end := time.Now().Add(patience); !strings.Contains(get("connections"), what); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("never %s: %s", what, get("connections"))
			}
		}
	}
	await(`"living":true`)
	if drawn := get("connections/0"); !strings.Contains(drawn, `"label":"SYN-ACK"`) {
		t.Error(drawn)
	}
	w.Write(text[len(text)/2:])
	await(`"possible":["ESTABLISHED","FIN_WAIT1"]`)
	w.Close()
	await(`"living":false`)
	if packets := get("connections/0/pcapng"); !strings.HasPrefix(packets, "\x0a\x0d\x0d\x0a") {
		t.Errorf("%.100q", packets)
	}
	stop()
	if code := <-ended; code != exitFine {
		t.Errorf("exit code %d: %s", code, said.String())
	}
}

// A socket that is left over gives way, one at which somebody answers does not.
func TestServeSocketLeftOver(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes of sockets are of unix")
	}
	s := serving{listen: "127.0.0.1:0", socket: filepath.Join(t.TempDir(), "s")}
	left, err := net.Listen("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.open(); err == nil || !strings.Contains(err.Error(), "somebody serves there") {
		t.Errorf("beside one that answers: %v", err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()
	d, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	if at, err := os.Stat(s.socket); err != nil || at.Mode().Perm() != 0o660 {
		t.Errorf("%v %v", at, err)
	}
	c, err := net.Dial("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	d.close()
	if _, err := os.Stat(s.socket); err == nil {
		t.Error("it is left over")
	}
}
