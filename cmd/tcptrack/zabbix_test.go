package main

import (
	"bytes"
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/output/zabbix"
)

const theHang = "../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz"

// servedSocket serves a capture on a unix socket for as long as the test takes, and returns its path once all is read.
func servedSocket(t *testing.T, files ...string) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "tcptrack") // short: a socket's path is
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	ctx, stop := context.WithCancel(t.Context())
	said, ended := &notes{}, make(chan int)
	go func() {
		ended <- execute(ctx, append([]string{"serve", "--listen", "127.0.0.1:0", "--socket", socket}, files...), nil, said, said)
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitFine {
			t.Errorf("serve ends with %d: %s", code, said)
		}
		os.RemoveAll(dir)
	})
	said.await(t, "all is read")
	return socket
}

// A key is answered by the serve that runs, with what the packets tell.
func TestZabbixAsksServe(t *testing.T) {
	socket := servedSocket(t, theHang)
	for key, want := range map[string]string{
		"tcp.status[established]": "1", "tcp.status[FIN-WAIT-1]": "0", "tcptrack.stuck": "1", "tcptrack.stuck[10024]": "1", "tcptrack.stuck[9]": "0", "tcptrack.zerowindow": "14.398",
		"tcptrack.finding[zero-window-stall]": "1", "tcptrack.findings[warning]": "1", "tcptrack.packets": "28", "tcptrack.source": "serve", "tcp.status.port[10024,established,client]": "1",
		"tcptrack.discovery": `[{"{#PORT}":"10024","{#SERVICE}":"10024"}]`,
	} {
		if got := strings.TrimSpace(runOutput(t, "zabbix", "get", key, "--socket", socket)); got != want {
			t.Errorf("%s: %s, not %s", key, got, want)
		}
	}
	if got := runOutput(t, "zabbix", "discovery", "--socket", socket); !strings.Contains(got, `"10024"`) {
		t.Error(got)
	}
	at, err := os.Stat(socket)
	if err != nil || at.Mode() != fs.ModeSocket|0o660 {
		t.Errorf("%v %v", at.Mode(), err)
	}
}

// What is not to be had is an error that says why, and what would help.
func TestZabbixProblems(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "s")
	for want, args := range map[string][]string{
		"no such key":               {"get", "foo"},
		"is no state":               {"get", "tcp.status[nix]", "--source", "auto"},
		"is not closed":             {"get", "tcp.status[listen"},
		"no such file or directory": {"get", "tcptrack.stuck"},
		"no serve at":               {"get", "tcp.status[listen]", "--source", "serve"},
		"unknown source":            {"get", "tcp.status[listen]", "--source", "disk"},
		"--server HOST names":       {"send"},
		"too often":                 {"send", "--server", "h", "--host", "h", "--every", "1ms"},
		"connection refused":        {"send", "--server", "127.0.0.1:1", "--host", "h", "tcptrack.source"},
		"version of Zabbix":         {"template", "--for", "3.2"},
	} {
		var out, errs bytes.Buffer
		code := execute(t.Context(), append([]string{"zabbix", "--socket", missing}, args...), nil, &out, &errs)
		if code != exitUsage || out.Len() > 0 || !strings.Contains(errs.String(), want) {
			t.Errorf("%v: %d %q %q", args, code, out.String(), errs.String())
		}
	}
}

// Values go to a server as it takes them, and what it refuses is told.
func TestZabbixSend(t *testing.T) {
	socket := servedSocket(t, theHang)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 2)
	go func() {
		for _, info := range []string{"processed: 2; failed: 0; total: 2; seconds spent: 0.1", "processed: 1; failed: 1; total: 2; seconds spent: 0.1"} {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(patience))
			body, _ := zabbix.ReadFrame(c, 1<<20)
			got <- string(body)
			c.Write(zabbix.Frame([]byte(`{"response":"success","info":"` + info + `"}`)))
			c.Close()
		}
	}()
	for i, want := range []string{"", "refuses 1 of 2 values"} {
		var errs bytes.Buffer
		code := execute(t.Context(), []string{"zabbix", "send", "--server", l.Addr().String(), "--host", "web1", "--socket", socket}, nil, &errs, &errs)
		if code != []int{exitFine, exitUsage}[i] || !strings.Contains(errs.String(), want) || i == 0 && errs.Len() > 0 {
			t.Errorf("%d: %s", code, errs.String())
		}
		body := <-got
		for _, part := range []string{`"request":"sender data"`, `"host":"web1"`, `"key":"tcptrack.get"`, `"key":"tcptrack.discovery"`, `\"source\":\"serve\"`, `{#PORT}`} {
			if !strings.Contains(body, part) {
				t.Errorf("no %s in %.300s", part, body)
			}
		}
	}
}
