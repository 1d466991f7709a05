package rights

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Capability is a right of Linux, by its number.
type Capability uint

// The capabilities that tcptrack has a use for.
const (
	NetRaw        Capability = unix.CAP_NET_RAW         // capture
	SysAdmin      Capability = unix.CAP_SYS_ADMIN       // enter a network namespace
	SysPtrace     Capability = unix.CAP_SYS_PTRACE      // whose a socket is: /proc/PID/fd of others
	DACReadSearch Capability = unix.CAP_DAC_READ_SEARCH // likewise
)

var names = map[Capability]string{
	NetRaw: "cap_net_raw", SysAdmin: "cap_sys_admin", SysPtrace: "cap_sys_ptrace", DACReadSearch: "cap_dac_read_search",
}

// String spells it as setcap does.
func (c Capability) String() string {
	if name, ok := names[c]; ok {
		return name
	}
	return "capability " + strconv.Itoa(int(c))
}

// Set is a set of capabilities, a bit each.
type Set uint64

// Of makes a set.
func Of(list ...Capability) (s Set) {
	for _, c := range list {
		s |= 1 << c
	}
	return s
}

// Has says that c is in the set.
func (s Set) Has(c Capability) bool { return s>>c&1 != 0 }

// Effective are the capabilities of the calling thread.
func Effective() (Set, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, fmt.Errorf("rights: capget: %w", err)
	}
	return Set(data[0].Effective) | Set(data[1].Effective)<<32, nil
}

// limit takes all capabilities from the calling thread that are not in keep.
func limit(keep Set) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	for i := range data {
		data[i].Permitted &= uint32(keep >> (32 * i))
		data[i].Effective, data[i].Inheritable = data[i].Permitted, 0
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return nil
}

// Drop makes the process another user without capabilities, for good, and bars it from getting any by running a program.
// The thread alone keeps those of keep that it has: what needs them later goes through Do. All that the new user may not
// open must have been opened before. A process that is not root keeps its user and its capabilities, and is barred alike.
// An error that is ErrStays left all as it was; on another the process may be anything between, and should end.
func (t *Thread) Drop(to User, keep ...Capability) error {
	if os.Geteuid() != 0 {
		return noNewPrivileges()
	}
	var err error
	t.Do(func() { err = unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0) })
	if err != nil {
		return fmt.Errorf("rights: keep capabilities: %w", err)
	}
	// These reach every thread, and a thread that does not keep its capabilities loses them with its last root user.
	if err := syscall.Setgroups(to.Groups); err != nil {
		return fmt.Errorf("rights: groups of %s: %w: %w", to, ErrStays, err)
	}
	if err := syscall.Setresgid(to.GID, to.GID, to.GID); err != nil {
		return fmt.Errorf("rights: group of %s: %w", to, err)
	}
	if err := syscall.Setresuid(to.UID, to.UID, to.UID); err != nil {
		return fmt.Errorf("rights: user %s: %w", to, err)
	}
	t.Do(func() { err = limit(Of(keep...)) })
	if err != nil {
		return fmt.Errorf("rights: %w", err)
	}
	return noNewPrivileges()
}

// noNewPrivileges bars every thread from new privileges.
func noNewPrivileges() error {
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	switch {
	case errno == 0:
		return nil
	case errno != syscall.ENOTSUP:
		return fmt.Errorf("rights: no new privileges: %w", errno)
	}
	return noNewPrivilegesByFilter()
}

// noNewPrivilegesByFilter does it where the C library keeps threads that Go cannot reach. The kernel hands a filter of
// system calls to all threads on demand (SECCOMP_FILTER_FLAG_TSYNC), and with it that its giver may get no privileges;
// this filter allows everything.
func noNewPrivilegesByFilter() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("rights: no new privileges: %w", err)
	}
	allow := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}
	return seccomp(&unix.SockFprog{Len: 1, Filter: &allow})
}

// Threads are the states of all threads as /proc has them: by key, a value for each thread.
func Threads(key string) (values []string, err error) {
	dir, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil, fmt.Errorf("rights: %w", err)
	}
	for _, e := range dir {
		text, err := os.ReadFile("/proc/self/task/" + e.Name() + "/status")
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it ended meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("rights: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			if v, ok := strings.CutPrefix(line, key+":"); ok {
				values = append(values, strings.TrimSpace(v))
			}
		}
	}
	return values, nil
}
