package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/internal/nettest"
)

// overSocket asks a server at a unix socket.
func overSocket(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
}

// Live, a connection is there while it lives, with its packets from memory, and when it has ended; the unix socket is for
// owner and group, and asks for no token.
func TestServeLive(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "socket")
	nettest.Run(t, func() {
		p := launch(t, "serve", "-i", "lo", "--listen", "127.0.0.1:0", "--socket", socket, "--ring", "1MiB")
		p.stderr.await(t, "unix socket")
		if at, err := os.Stat(socket); err != nil || at.Mode().Perm() != 0o660 || at.Mode().Type() != os.ModeSocket {
			t.Fatalf("%v %v", at.Mode(), err)
		}
		client := overSocket(socket)
		ask := func(path string) (code int, text []byte) {
			r, err := client.Get("http://tcptrack/api/v1/" + path)
			if err != nil {
				t.Fatalf("%v; it said %s", err, p.stderr.String())
			}
			defer r.Body.Close()
			if text, err = io.ReadAll(r.Body); err != nil {
				t.Fatal(err)
			}
			return r.StatusCode, text
		}
		type row struct {
			Conn   uint64
			Living bool
			Client struct {
				Port  int
				State string
			}
		}
		await := func(path, what string, meant func(row) bool) (found row) {
			t.Helper()
			for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				var list struct{ Connections []row }
				code, text := ask(path)
				if err := json.Unmarshal(text, &list); err != nil || code != 200 {
					t.Fatalf("%d %s %v", code, text, err)
				}
				for _, r := range list.Connections {
					if meant(r) {
						return r
					}
				}
			}
			t.Fatalf("no connection %s", what)
			return found
		}

		server, client1 := overLoopback(t)
		lives := await("connections?q=state:established", "that lives", func(r row) bool { return r.Living })
		client1.Write([]byte("a question"))
		var all struct {
			Drawing struct {
				Rows   []struct{ Label string }
				Series struct{ T []float64 }
			}
			History []struct{ To string }
			Without string
		}
		_, text := ask(fmt.Sprintf("connections/%d", lives.Conn))
		if err := json.Unmarshal(text, &all); err != nil || len(all.History) < 4 || len(all.Drawing.Rows) < 3 || all.Drawing.Rows[0].Label != "SYN" {
			t.Errorf("%v: %s", err, text)
		}
		code, packets := ask(fmt.Sprintf("connections/%d/pcapng", lives.Conn))
		name := filepath.Join(t.TempDir(), "one.pcapng")
		os.WriteFile(name, packets, 0o666)
		var out, errs strings.Builder
		if execute(t.Context(), []string{"read", "-o", "summary", name}, nil, &out, &errs); code != 200 || !strings.Contains(out.String(), "1 connection") {
			t.Errorf("%d: %s%s", code, out.String(), errs.String())
		}
		client1.Close()
		server.Close()
		await("connections", "that has ended", func(r row) bool { return r.Conn == lives.Conn && !r.Living })

		p.cmd.Process.Signal(syscall.SIGINT)
		if code := p.end(t); code != exitFine {
			t.Errorf("exit code %d: %s", code, p.stderr.String())
		}
	})
}

// overLoopback is a connection over lo of the network of this thread.
func overLoopback(t *testing.T) (server, client net.Conn) {
	t.Helper()
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.DialTCP("tcp4", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}
