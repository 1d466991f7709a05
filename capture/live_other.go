//go:build !linux

package capture

import "errors"

var errNoLive = errors.New("capture: capturing is built for Linux alone so far; tcpdump -U -s 256 -w - tcp | tcptrack read - does it here")

// Live is for Linux.
func Live([]string, LiveOptions) (LiveSource, error) { return nil, errNoLive }

// DefaultInterface is for Linux.
func DefaultInterface() (string, error) { return "", errNoLive }
