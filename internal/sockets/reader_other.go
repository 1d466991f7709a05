//go:build !linux

package sockets

import (
	"errors"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Reader asks the kernel about its sockets, on Linux.
type Reader struct{}

var errNotHere = errors.New("sockets: INET_DIAG is Linux's")

// Open returns an error: this system is not Linux.
func Open() (*Reader, error) { return nil, errNotHere }

// Available says why the kernel does not answer.
func Available() error { return errNotHere }

// Close ends the Reader.
func (*Reader) Close() {}

// Scan returns an error.
func (*Reader) Scan(tcp.StateSet, func(*Socket) bool) error { return errNotHere }

// Ask returns an error.
func (*Reader) Ask(_, _ tcp.Endpoint) (*Socket, error) { return nil, errNotHere }

// Glance says that there is nothing to ask.
func (*Reader) Glance(tcp.StateSet, func(*Socket) bool) error { return errNotHere }
