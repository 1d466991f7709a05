//go:build !linux

package capture

import (
	"errors"
	"net"
)

// ringBackend is for Linux.
var ringBackend []backend

// DefaultInterface is for Linux.
func DefaultInterface() (string, error) {
	return "", errors.New("capture: the default route is looked up on Linux alone")
}

// NoNamespaceError is for Linux.
type NoNamespaceError struct {
	Name string
	Have []string
}

func (e *NoNamespaceError) Error() string {
	return "capture: " + e.Name + ": no such network namespace"
}

// EnterNamespace is for Linux.
func EnterNamespace(string) error {
	return errors.New("capture: network namespaces are a thing of Linux")
}

// asker asks after interfaces.
type asker struct{}

func newAsker() (asker, error) { return asker{}, nil }

func (asker) Close() {}

// ask returns the index of an interface, 0 if there is none, and whether it is up.
func (asker) ask(name string) (index int, up bool, err error) {
	one, err := net.InterfaceByName(name)
	if err != nil {
		return 0, false, nil
	}
	return one.Index, one.Flags&net.FlagUp != 0, nil
}

// link and offload are told on Linux.
func (asker) link(string) string      { return "" }
func (asker) offload(string) []string { return nil }
