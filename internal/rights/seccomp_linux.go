package rights

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// seccomp gives all threads a filter.
func seccomp(program *unix.SockFprog) error {
	tid, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(program)))
	switch {
	case errno != 0:
		return fmt.Errorf("rights: no new privileges for all threads: seccomp: %w", errno)
	case tid != 0:
		return fmt.Errorf("rights: no new privileges for all threads: thread %d has another filter", tid)
	}
	return nil
}
