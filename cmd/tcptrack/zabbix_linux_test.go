package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcptrack/tcptrack/internal/nettest"
	"github.com/tcptrack/tcptrack/output/zabbix"
)

var zabbixSockets = flag.Int("zabbix-sockets", 2000, "sockets of TestZabbixOfKernel, as far as the limit of open files goes")

// crowd opens connections over loopback, two sockets each, on the thread's network; some are closed by one end.
func crowd(t *testing.T, connections int) (port string, closeAll func()) {
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Error(err)
		return "", func() {}
	}
	open := []int{l}
	at := unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	err = unix.Bind(l, &at)
	if err == nil {
		err = unix.Listen(l, 4096)
	}
	name, unnamed := unix.Getsockname(l)
	if err = errors.Join(err, unnamed); err != nil {
		t.Error(err)
		return "", func() {}
	}
	server := name.(*unix.SockaddrInet4)
	for i := range connections {
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil { // 20,000 from each address
			unix.Bind(c, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 1, byte(1 + i/20000)}})
			err = unix.Connect(c, server)
		}
		if err != nil {
			t.Errorf("connection %d: %v", i, err)
			break
		}
		s, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
		if err != nil {
			t.Error(err)
			break
		}
		if i%10 == 0 {
			unix.Shutdown(s, unix.SHUT_WR) // FIN_WAIT2, CLOSE_WAIT
		}
		open = append(open, c, s)
	}
	return fmt.Sprint(server.Port), func() {
		for _, fd := range open {
			unix.Close(fd)
		}
	}
}

// Without serve this host's kernel answers soon, however many sockets there are: within 100 ms on an idle machine.
func TestZabbixOfKernel(t *testing.T) {
	nettest.Run(t, func() {
		n := *zabbixSockets / 2
		port, end := crowd(t, n)
		defer end()
		if t.Failed() {
			return
		}
		get := func(key string) string {
			var out, errs bytes.Buffer
			cmd := exec.Command("tcptrack", "zabbix", "get", key, "--source", "kernel")
			cmd.Stdout, cmd.Stderr = &out, &errs
			if err := cmd.Run(); err != nil {
				t.Errorf("%s: %v %s", key, err, errs.String())
			}
			return strings.TrimSpace(out.String())
		}
		for key, want := range map[string]int{
			"tcp.status[listen]": 1, "tcp.status[established]": 2 * (n - n/10), "tcp.status[finwait2]": n / 10, "tcp.status[closewait]": n / 10, "tcp.status[all]": 2 * n,
			"tcp.status.port[" + port + ",finwait2]": n / 10, "tcp.status.port[" + port + ",closewait,client]": n / 10, "tcp.status.port[" + port + ",listen]": 1, "tcptrack.connections[" + port + "]": 2 * n,
		} {
			if got := get(key); got != fmt.Sprint(want) {
				t.Errorf("%s: %s, not %d", key, got, want)
			}
		}
		if got := get("tcptrack.discovery"); !strings.Contains(got, `"{#PORT}":"`+port+`"`) || strings.Count(got, "PORT") != 1 {
			t.Error(got)
		}
		best := time.Hour // of several: the machine may be busy
		for range 5 {
			began := time.Now()
			get("tcp.status[established]")
			best = min(best, time.Since(began))
		}
		t.Logf("%d sockets: %v", 2*n, best)
		if best > 5*answerTime { // the beginning of the program, the most of it, may be slow
			t.Errorf("%d sockets take %v", 2*n, best)
		}
	})
}

// agentConfig writes a configuration for Debian's agent out of the file that we ship, asking our serve.
func agentConfig(t *testing.T, socket string) (file string, port int) {
	shipped, err := os.ReadFile("../../deploy/zabbix/tcptrack.conf")
	if err != nil {
		t.Fatal(err)
	}
	var l net.Listener
	for try := range 50 { // the agent takes none above 32767
		port = 10000 + (os.Getpid()+try*397)%20000
		if l, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			l.Close()
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(socket)
	file = filepath.Join(dir, "agent.conf")
	text := fmt.Sprintf("LogType=console\nServer=127.0.0.1\nListenIP=127.0.0.1\nListenPort=%d\nHostname=web1\nTimeout=30\nControlSocket=%s/agent.sock\nPidFile=%s/agent.pid\n", port, dir, dir) +
		strings.ReplaceAll(string(shipped), ",tcptrack zabbix ", ",tcptrack zabbix --socket "+socket+" ")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, port
}

// agentKeys are keys with what Debian's agent is to say of the hang.
var agentKeys = map[string]string{
	"tcp.status[established]": "1", "tcp.status[FIN_WAIT1]": "0", "tcp.status.port[10024,established]": "1", "tcp.status.port[10024,established,client]": "1", "tcptrack.connections": "1", "tcptrack.connections[10024]": "1",
	"tcptrack.stuck": "1", "tcptrack.stuck[10024]": "1", "tcptrack.zerowindow": "14.398", "tcptrack.zerowindow[10024]": "14.398", "tcptrack.finding[zero-window-stall]": "1", "tcptrack.findings[warning]": "1",
	"tcptrack.packets": "28", "tcptrack.dropped": "0", "tcptrack.evicted": "0", "tcptrack.source": "serve", "tcptrack.discovery": `[{"{#PORT}":"10024","{#SERVICE}":"10024"}]`,
}

// Debian's agent answers every key of the file that we ship: asked alone, and over the network soon.
func TestZabbixAgent(t *testing.T) {
	agent, err := exec.LookPath("zabbix_agent2")
	if err != nil {
		t.Skip("needs zabbix_agent2 (apt-get install zabbix-agent2)")
	}
	config, port := agentConfig(t, servedSocket(t, theHang))
	for _, key := range []string{"tcp.status[established]", "tcptrack.discovery"} {
		out, err := exec.Command(agent, "-c", config, "-t", key).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "[s|"+agentKeys[key]+"]") {
			t.Errorf("-t %s: %v %s", key, err, out)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, agent, "-c", config, "-f")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		cmd.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	}()
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	ask := func(key string) (string, time.Duration) {
		began := time.Now()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		c.Write(zabbix.Frame([]byte(key)))
		body, err := zabbix.ReadFrame(bufio.NewReader(c), 1<<20)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		return string(body), time.Since(began)
	}
	for key, want := range agentKeys {
		best, got := time.Hour, ""
		for range 3 {
			var took time.Duration
			got, took = ask(key)
			best = min(best, took)
		}
		if got != want || best > 5*answerTime {
			t.Errorf("%s: %q, not %q, after %v", key, got, want, best)
		}
	}
	all, took := ask("tcptrack.get")
	var v zabbix.Values
	if err := json.Unmarshal([]byte(all), &v); err != nil || v.Judged == nil || v.Stuck != 1 {
		t.Errorf("%v %.200s", err, all)
	}
	t.Logf("tcptrack.get, %d octets: %v", len(all), took)
	if got, _ := ask("tcp.status[nix]"); !strings.Contains(got, "is no state") {
		t.Errorf("tcp.status[nix]: %q", got)
	}
	if got, _ := ask("tcptrack.nix"); !strings.HasPrefix(got, "ZBX_NOTSUPPORTED") {
		t.Errorf("tcptrack.nix: %q", got)
	}
}

// The file that we ship has every key, and none that is not answered.
func TestZabbixParameters(t *testing.T) {
	shipped, err := os.ReadFile("../../deploy/zabbix/tcptrack.conf")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, m := range regexp.MustCompile(`(?m)^UserParameter=([a-z.]+)(\[\*\])?,tcptrack zabbix (?:discovery|get '?([a-z.]+)(\[[$0-9,]+\])?'?)$`).FindAllStringSubmatch(string(shipped), -1) {
		if got = append(got, m[1]); m[3] != "" && m[3] != m[1] || (m[2] == "") != (m[4] == "") {
			t.Errorf("%v", m)
		}
	}
	if lines := strings.Count(string(shipped), "\nUserParameter="); lines != len(got) {
		t.Errorf("%d of %d lines are understood", len(got), lines)
	}
	for _, k := range zabbix.Keys {
		name, parameters, _ := strings.Cut(k.Form, "[")
		want = append(want, name)
		if n := strings.Count(parameters, ","); parameters != "" && !strings.Contains(string(shipped), name+"[$1"+[]string{"", ",$2", ",$2,$3"}[n]+"]") {
			t.Errorf("%s: not all parameters are handed on", k.Form)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the file has %v, answered are %v", got, want)
	}
}
