package days

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
)

const secret = "not to be seen"

// startRedis starts a server of Debian's package on a free port of the loopback and on a unix socket, with a password, and
// ends it with the test.
func startRedis(t *testing.T) (port, socket string) {
	t.Helper()
	name, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server (apt-get install redis-server)")
	}
	dir, err := os.MkdirTemp("", "days") // a unix socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port = strconv.Itoa(free.Addr().(*net.TCPAddr).Port)
	free.Close()
	socket = filepath.Join(dir, "s")
	server := exec.Command(name, "--port", port, "--bind", "127.0.0.1", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "no", "--requirepass", secret)
	var said strings.Builder
	server.Stdout, server.Stderr = &said, &said
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	for range 2400 { // two minutes
		if r, err := DialRedis("unix://"+socket, secret); err == nil {
			r.Close()
			return port, socket
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("redis-server does not answer; it said: %s", said.String())
	return "", ""
}

func dial(t *testing.T, url, password string) *Redis {
	t.Helper()
	r, err := DialRedis(url, password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// Over TCP and over a unix socket, each in a database of its own, a server keeps what files keep.
func TestRedisKeepsDays(t *testing.T) {
	port, socket := startRedis(t)
	tcp := dial(t, "redis://:"+strings.ReplaceAll(secret, " ", "%20")+"@127.0.0.1:"+port+"/3", "")
	conform(t, tcp)
	conform(t, dial(t, "unix://"+socket+"?db=4", secret))

	// The keys are plain: one's own BITCOUNT and BITOP work.
	if n, err := redis.Int(tcp.conn.Do("BITCOUNT", "tcptrack:seen:20261120")); n != 3 || err != nil {
		t.Errorf("BITCOUNT %d, %v", n, err)
	}
	tcp.conn.Do("BITOP", "AND", "both", "tcptrack:seen:20261118", "tcptrack:seen:20261122")
	if n, err := redis.Int(tcp.conn.Do("BITCOUNT", "both")); n != 1 || err != nil {
		t.Errorf("BITCOUNT behind BITOP %d, %v", n, err)
	}
	bit, err := redis.Int(tcp.conn.Do("HGET", "tcptrack:ids", "10.0.0.2"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := redis.Int(tcp.conn.Do("GETBIT", "tcptrack:seen:20261120", bit)); n != 1 || err != nil {
		t.Errorf("GETBIT %d, %v", n, err)
	}
	if n, err := redis.Int(tcp.conn.Do("STRLEN", "tcptrack:seen:20261120")); n != 1 || err != nil {
		t.Errorf("a key of 4 clients has %d octets, %v", n, err)
	}
}

// Many that save the same clients at once, more than go at a time, agree on who has which bit.
func TestRedisSavesTogether(t *testing.T) {
	_, socket := startRedis(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			r, err := DialRedis("unix://"+socket, secret)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			c := New()
			for i := range 3 * redisBatch {
				c.Mark(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), noon("2026-11-22"), noon("2026-11-22"), i%2 == 0)
			}
			if err := r.Save(c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	r := dial(t, "unix://"+socket, secret)
	got, err := Read(r)
	if err != nil || got.Ever != 3*redisBatch || got.Rows[0].Findings != 3*redisBatch/2 {
		t.Errorf("%+v, %v", got, err)
	}
	c, err := Overlap(r, []string{"2026-11-22"}, 3*redisBatch)
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Clone(c.First)
	slices.Sort(names)
	if len(slices.Compact(names)) != 3*redisBatch || !slices.Contains(names, "10.0.11.183") {
		t.Errorf("%d names of %d clients", len(slices.Compact(names)), c.Clients)
	}
}

// What goes wrong is said without the password, and what is not ours is neither shown nor overwritten.
func TestRedisTrouble(t *testing.T) {
	for _, url := range []string{"", "localhost", "http://localhost", "redis://", "redis://localhost/one", "unix://", "redis://:" + secret + "%@localhost"} {
		if _, err := DialRedis(url, ""); !errors.Is(err, ErrURL) {
			t.Errorf("%s: %v", url, err)
		}
	}
	var refused *ConnectError
	if _, err := DialRedis("unix:///nowhere/at/all", ""); !errors.As(err, &refused) {
		t.Errorf("nobody there: %v", err)
	}
	port, socket := startRedis(t)
	for _, url := range []string{"redis://127.0.0.1:" + port, "redis://:wrong@127.0.0.1:" + port, "redis://:" + strings.ReplaceAll(secret, " ", "%20") + "@127.0.0.1:" + port + "/999"} {
		_, err := DialRedis(url, "")
		if !errors.As(err, &refused) || strings.Contains(err.Error(), "wrong@") || strings.Contains(err.Error(), "not%20to") {
			t.Errorf("%s: %v", url, err)
		}
	}
	r := dial(t, "unix://"+socket, secret)
	c := New()
	mark(c, "10.0.0.1", "2026-11-22", false)
	if err := r.Save(c); err != nil {
		t.Fatal(err)
	}
	r.conn.Do("HSET", keyClients, 0, "\x1b[2Jevil")
	if got, err := Overlap(r, []string{"2026-11-22"}, 5); err != nil || !slices.Equal(got.First, []string{"bit 0"}) {
		t.Errorf("a name that is none: %+v, %v", got, err)
	}
	r.conn.Do("DEL", "tcptrack:seen:20261122")
	r.conn.Do("LPUSH", "tcptrack:seen:20261122", "a list")
	if err := r.Save(c); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("a key of another kind: %v", err)
	}
	if _, err := Read(r); err == nil {
		t.Error("a list is read as bits")
	}
	if !r.Alive() {
		t.Error("the connection does not outlive an error of a command")
	}
}
