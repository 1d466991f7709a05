// Package nettest gives a test a network of its own: what it sends reaches nobody, and nobody else sends.
package nettest

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// Run runs f in a network namespace that ends with it, in which lo is up and the further commands of ip have been carried
// out. Without root, or where the machine does not allow it, the test is skipped. Only f's own goroutine, locked to its
// thread, and the processes that it starts are in the namespace.
func Run(t *testing.T, f func(), commands ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root for a network namespace of its own")
	}
	why := make(chan string)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread and its network end with the goroutine
		cannot := enter(append([]string{"link set lo up"}, commands...))
		defer func() { why <- cannot }()
		if cannot == "" {
			f()
		}
	}()
	if cannot := <-why; cannot != "" {
		t.Skip(cannot)
	}
}

// enter moves this thread to a new network, and says why it cannot.
func enter(commands []string) string {
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		return "no network namespace: " + err.Error()
	}
	for _, words := range commands {
		if out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput(); err != nil {
			return "ip " + words + ": " + err.Error() + " " + string(out)
		}
	}
	return ""
}
