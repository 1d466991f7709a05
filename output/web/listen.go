package web

import (
	"net"
	"sync"
)

// maxConnections bounds the HTTP connections that are open at once; the next are closed as they come, so that those who
// hold on cannot make the others wait.
const maxConnections = 256

// bounded accepts at most maxConnections at once.
type bounded struct {
	net.Listener
	free chan struct{}
}

// Bounded is a listener of at most so many connections at once as a server of this package takes.
func Bounded(l net.Listener) net.Listener {
	return bounded{l, make(chan struct{}, maxConnections)}
}

func (b bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case b.free <- struct{}{}:
			return &counted{Conn: c, free: b.free}, nil
		default:
			c.Close()
		}
	}
}

// counted gives its place back when it is closed.
type counted struct {
	net.Conn
	free chan struct{}
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { <-c.free })
	return c.Conn.Close()
}
