package capture

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// asker asks after interfaces in the network namespace where it was made, whichever thread it is on later.
type asker struct{ fd int }

func newAsker() (asker, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EAFNOSUPPORT) {
		fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	}
	if err != nil {
		return asker{-1}, fmt.Errorf("capture: socket to ask after interfaces: %w", err)
	}
	return asker{fd}, nil
}

func (a asker) Close() { unix.Close(a.fd) }

// ask returns the index of an interface, 0 if there is none, and whether it is up.
func (a asker) ask(name string) (index int, up bool, err error) { return askSocket(a.fd, name) }

// askSocket asks through a socket of any kind.
func askSocket(fd int, name string) (index int, up bool, err error) {
	request, err := unix.NewIfreq(name)
	if err != nil { // longer than any name can be
		return 0, false, nil
	}
	if err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request); err == nil {
		index = int(request.Uint32())
		err = unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request)
	}
	if errors.Is(err, unix.ENODEV) {
		return 0, false, nil
	}
	return index, request.Uint16()&unix.IFF_UP != 0, err
}
