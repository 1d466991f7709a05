package capture

import (
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// What a full ring loses is counted: what was sent is what was read and what was dropped, each packet of the loopback
// interface once.
func TestRingOverflows(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root for a network namespace of its own")
	}
	done := make(chan struct{})
	go func() { // its thread goes with its network
		defer close(done)
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Logf("no network namespace: %v", err)
			return
		}
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			t.Logf("ip link set lo up: %v %s", err, out)
			return
		}
		overflow(t)
	}()
	<-done
}

func overflow(t *testing.T) {
	src, err := Live([]string{"lo"}, LiveOptions{Backend: BackendRing, Snap: MaxSnap})
	if err != nil {
		t.Error(err)
		return
	}
	defer src.Close()
	to, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return
	}
	defer to.Close()
	const packets, octets = 1500, 60000 // 90 MB into 64 MiB
	for range packets {
		if _, err := to.WriteTo(make([]byte, octets), to.LocalAddr()); err != nil {
			t.Error(err)
			return
		}
	}
	src.Stop()
	for segs := make([]tcp.Segment, 64); err == nil; {
		_, err = src.Read(segs)
	}
	if s := src.Stats(); err != io.EOF || s.Dropped == 0 || s.Freezes == 0 || s.Packets == 0 || s.Packets+s.Dropped != packets || s.Received != packets {
		t.Errorf("%v, %+v", err, s)
	}
}
