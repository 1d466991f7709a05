package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/output/web"
)

// serving are the flags that say where requests come in, and who may ask.
type serving struct {
	listen      string
	tokenFile   string
	token       string // out of it
	hosts       []string
	socket      string
	socketGroup string
	rows        uint
	ring        string
}

// defaultListen is reached from this host alone; the port is the number of TCP's RFC.
const defaultListen = "127.0.0.1:9293"

func (s *serving) add(f *pflag.FlagSet) {
	f.StringVar(&s.listen, "listen", defaultListen, "serve HTTP at `ADDRESS:PORT`; any but a loopback address takes --token-file")
	f.StringVar(&s.tokenFile, "token-file", "", "let in who knows the token in `FILE`")
	f.StringArrayVar(&s.hosts, "allow-host", nil, "be called by `NAME` too, beside addresses and localhost; as often as there are several")
	f.StringVar(&s.socket, "socket", "", "serve on the unix socket `PATH` too, without a token, to its owner and group")
	f.StringVar(&s.socketGroup, "socket-group", "", "with --socket: the `GROUP` that may connect, as the Zabbix agent's")
	f.UintVar(&s.rows, "rows", web.DefaultRows, "show at most `N` connections, living ones and the last that ended; 1 to 2 KiB each")
	f.StringVar(&s.ring, "ring", defaultRing, "keep the last packets, `SIZE` of them, in memory, to draw and download; of captures they are read again")
}

// check reads the flags.
func (s *serving) check() error {
	host, _, err := net.SplitHostPort(s.listen)
	if err != nil {
		return &problem{fmt.Errorf("--listen %s: no address with a port", s.listen), "as 127.0.0.1:9293, or [::1]:9293"}
	}
	if s.rows == 0 {
		return &problem{errors.New("--rows 0: there would be nothing to show"), fmt.Sprintf("leave it out for %d", web.DefaultRows)}
	}
	if s.socketGroup != "" && s.socket == "" {
		return &problem{errors.New("--socket-group says who may connect, and there is no socket"), "add --socket PATH"}
	}
	if s.tokenFile != "" {
		return s.readToken()
	}
	if !loopback(host) {
		return &problem{fmt.Errorf("--listen %s: others can reach that, and connections are nobody else's business", s.listen),
			"make a token: (umask 077; head -c 24 /dev/urandom | base64 >token); then --token-file token"}
	}
	return nil
}

// loopback says that nobody but this host reaches an address.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// maxTokenFile bounds what is read of a token's file.
const maxTokenFile = 4 << 10

// readToken reads the token, which is the file but for white space around it.
func (s *serving) readToken() error {
	f, err := os.Open(s.tokenFile)
	if err != nil {
		return &problem{err, "head -c 24 /dev/urandom | base64 makes a token"}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTokenFile+1))
	if err != nil {
		return &problem{err, "head -c 24 /dev/urandom | base64 makes a token"}
	}
	s.token = strings.TrimSpace(string(text))
	if len(text) > maxTokenFile {
		return &problem{fmt.Errorf("%s: is no token: it is larger than %d octets", s.tokenFile, maxTokenFile), "head -c 24 /dev/urandom | base64 makes one"}
	}
	if len(s.token) < web.MinToken || strings.ContainsAny(s.token, "\r\n") {
		return &problem{fmt.Errorf("%s: a token is one line of at least %d characters", s.tokenFile, web.MinToken), "head -c 24 /dev/urandom | base64 makes one"}
	}
	return nil
}

// doors are where requests come in.
type doors struct {
	network net.Listener
	local   net.Listener // nil: none
	path    string       // of local
	guarded bool
}

// open opens them, while there are the rights to.
func (s *serving) open() (*doors, error) {
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return nil, &problem{fmt.Errorf("--listen %s: %w", s.listen, errors.Unwrap(err)), "another port is free: --listen 127.0.0.1:0 takes any"}
	}
	d := &doors{network: web.Bounded(l), guarded: s.token != ""}
	if s.socket == "" {
		return d, nil
	}
	if d.local, err = s.openSocket(); err != nil {
		l.Close()
		return nil, err
	}
	d.path = s.socket
	return d, nil
}

// openSocket makes the unix socket under another name, gives it its mode and group, and only then its name: nobody
// connects who may not. One that is left over, at which nobody answers, gives way.
func (s *serving) openSocket() (net.Listener, error) {
	if at, err := os.Lstat(s.socket); err == nil {
		if at.Mode().Type() != fs.ModeSocket {
			return nil, &problem{fmt.Errorf("--socket %s: is there, and no socket", s.socket), "name another path"}
		}
		if c, err := net.DialTimeout("unix", s.socket, time.Second); err == nil {
			c.Close()
			return nil, &problem{fmt.Errorf("--socket %s: somebody serves there", s.socket), "end that, or name another path"}
		}
	}
	dir, err := os.MkdirTemp(filepath.Dir(s.socket), ".tcptrack-")
	if err != nil {
		return nil, &problem{fmt.Errorf("--socket %s: %w", s.socket, err), "name a path in a directory that is there and that you may write in, as /run/tcptrack/socket"}
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "s")
	l, err := net.Listen("unix", made)
	if err != nil {
		return nil, &problem{fmt.Errorf("--socket %s: %w", s.socket, err), "name a shorter path"}
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	err = os.Chmod(made, 0o660)
	if err == nil && s.socketGroup != "" {
		err = giveTo(made, s.socketGroup)
	}
	if err == nil {
		err = os.Rename(made, s.socket)
	}
	if err != nil {
		l.Close()
		return nil, &problem{fmt.Errorf("--socket %s: %w", s.socket, err), "run as root, or as a member of the group"}
	}
	return web.Bounded(l), nil
}

// giveTo gives a file to a group.
func giveTo(name, group string) error {
	id := group
	if g, err := user.LookupGroup(group); err == nil {
		id = g.Gid
	}
	gid, err := strconv.Atoi(id)
	if err != nil {
		return fmt.Errorf("there is no group %s", group)
	}
	return os.Chown(name, -1, gid)
}

// String says where they are.
func (d *doors) String() string {
	text := "serving http://" + d.network.Addr().String() + "/"
	if d.guarded {
		text += " to who knows the token"
	}
	if d.local != nil {
		text += ", and the unix socket " + printable(d.path)
	}
	return text
}

// serve answers at them until stop; what goes wrong comes through the channel.
func (d *doors) serve(network, local *http.Server) <-chan error {
	failed := make(chan error, 2)
	begin := func(s *http.Server, l net.Listener) {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}
	go begin(network, d.network)
	if d.local != nil {
		go begin(local, d.local)
	}
	return failed
}

// grace is for how long answers under way may go on when all ends.
const grace = 500 * time.Millisecond

// stop ends the servers.
func (d *doors) stop(servers ...*http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for _, s := range servers {
		if s.Shutdown(ctx) != nil {
			s.Close()
		}
	}
}

// close closes the doors, and takes the socket's name away where that may be done.
func (d *doors) close() {
	d.network.Close()
	if d.local != nil {
		d.local.Close()
		os.Remove(d.path)
	}
}
