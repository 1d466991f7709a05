package main

import (
	"github.com/tcptrack/tcptrack/internal/sockets"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output/stats"
	"github.com/tcptrack/tcptrack/tracker"
)

// tallyKernel counts the sockets of this host, or of a network namespace of it.
func (o *statsOptions) tallyKernel() (*stats.Tally, error) {
	within := capturing{namespace: o.capturing.namespace}
	if err := within.begin(); err != nil {
		return nil, err
	}
	defer within.end()
	var r *sockets.Reader
	var err error
	within.thread.Do(func() { r, err = sockets.Open() })
	if err != nil {
		return nil, err
	}
	defer r.Close()

	// Who listens is asked first: it says which ends are a server's.
	tally, listens := stats.New(), listeners{}
	err = r.Scan(tcp.Set(tcp.Listen), func(s *sockets.Socket) bool {
		listens[s.Local] = true
		tally.Add(endOf(s, true))
		return true
	})
	if err == nil {
		err = r.Scan(connected, func(s *sockets.Socket) bool {
			tally.Add(endOf(s, listens.serves(s.Local, s.Remote)))
			return true
		})
	}
	if err != nil {
		return nil, &problem{err, "this needs a kernel with CONFIG_INET_TCP_DIAG; netstat -tan reads /proc instead"}
	}
	return tally, nil
}

// listeners are where somebody listens.
type listeners map[tcp.Endpoint]bool

// at says that a connection to there is a listener's: one of that address, or one of all; that of all IPv6 addresses takes
// IPv4 too.
func (l listeners) at(e tcp.Endpoint) bool {
	return l[e] || !e.V6 && l[tcp.Endpoint{Addr: tcp.AddrFrom4(0), Port: e.Port}] || l[tcp.Endpoint{Port: e.Port, V6: true}]
}

// serves says that the local end of a connection is a server's: one at whose address somebody listens; where its listener
// has gone, and no listener is known of the other port either, the one with the lower port, as a client's comes from the
// high ones.
func (l listeners) serves(local, remote tcp.Endpoint) bool {
	return l.at(local) || local.Port < remote.Port && !l.at(remote)
}

// endOf puts a socket in the words of the counts.
func endOf(s *sockets.Socket, server bool) *stats.End {
	e := &stats.End{Orphan: s.Orphan(), Unaccepted: s.Unaccepted(), RecvQueue: uint64(s.RecvQueue), SendQueue: uint64(s.SendQueue), Memory: s.Memory.Total()}
	e.Key = stats.Key{Port: s.Remote.Port, Side: tracker.Client, State: s.State}
	if server {
		e.Port, e.Side = s.Local.Port, tracker.Server
	}
	if s.State != tcp.Listen {
		e.Peer = s.Remote.IP()
	}
	return e
}
