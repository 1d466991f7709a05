// Package sockets reads the local kernel's TCP sockets over INET_DIAG and finds the processes that own them.
//
//	Reader.Scan ──every socket──> Socket        one dump a family, IPv4 and IPv6
//	Reader.Ask  ──one four-tuple─> Socket       a single look-up
//	Owners.Find ──inode──> process              through /proc/*/fd
//
// No right is needed to read sockets. Whose they are /proc tells only of the user's own processes, unless one has
// CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH. A Reader stays in the network namespace of the thread that opened it, and is
// used by one goroutine. No clock is read here: when it was asked, the caller knows.
//
// A scan is no moment: the kernel walks its table while connections move, and one may be missed. That a socket is gone
// is known from Ask alone.
package sockets
