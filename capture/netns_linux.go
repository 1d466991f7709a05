package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// namespaces is where ip netns keeps the names of network namespaces.
const namespaces = "/run/netns"

// NoNamespaceError says that a network namespace does not exist.
type NoNamespaceError struct {
	Name string
	Have []string // those that have a name
}

func (e *NoNamespaceError) Error() string {
	if _, err := strconv.Atoi(e.Name); err == nil {
		return fmt.Sprintf("capture: %s: no such process, and no network namespace of that name", e.Name)
	}
	return fmt.Sprintf("capture: %s: no such network namespace", e.Name)
}

// EnterNamespace moves the calling thread, which must be locked and end with its goroutine, into a network namespace:
// one named by ip netns, that of a process by its number, or that of a file, whose path has a slash. One that does not
// exist is a *NoNamespaceError, one that may not be entered fs.ErrPermission.
func EnterNamespace(name string) error {
	fd, err := openNamespace(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return &NoNamespaceError{name, namedNamespaces()}
	}
	if err != nil {
		return fmt.Errorf("capture: network namespace %s: %w", name, err)
	}
	defer unix.Close(fd)
	switch err := unix.Setns(fd, unix.CLONE_NEWNET); {
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("capture: %s: not a network namespace", name)
	case err != nil:
		return fmt.Errorf("capture: network namespace %s: %w", name, err)
	}
	return nil
}

// openNamespace opens the file that stands for a namespace.
func openNamespace(name string) (fd int, err error) {
	if strings.Contains(name, "/") {
		return unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	fd, err = unix.Open(filepath.Join(namespaces, name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if _, bad := strconv.ParseUint(name, 10, 31); bad == nil && errors.Is(err, fs.ErrNotExist) {
		return unix.Open(filepath.Join("/proc", name, "ns/net"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	return fd, err
}

// namedNamespaces lists those that have a name.
func namedNamespaces() (names []string) {
	entries, _ := os.ReadDir(namespaces)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
