package rights

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// child marks the process that gives its rights up.
const child = "TCPTRACK_TEST_DROPS"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		if err := drops(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// drops gives up the rights of a process with many threads, and looks at each of them.
func drops() error {
	threads(4)
	t := NewThread()
	to := User{Name: "nobody", UID: 65534, GID: 65533, Groups: []int{65533}}
	if err := t.Drop(to, NetRaw, SysPtrace); err != nil {
		return err
	}
	threads(4) // made later they are no better off
	kept := fmt.Sprintf("%016x", uint64(Of(NetRaw, SysPtrace)))
	for key, want := range map[string]string{
		"Uid": "65534\t65534\t65534\t65534", "Gid": "65533\t65533\t65533\t65533", "Groups": "65533", "NoNewPrivs": "1",
		"CapInh": strings.Repeat("0", 16), "CapAmb": strings.Repeat("0", 16),
	} {
		values, err := Threads(key)
		if err != nil {
			return err
		}
		if len(values) < 9 {
			return fmt.Errorf("%d threads", len(values))
		}
		for _, v := range values {
			if v != want {
				return fmt.Errorf("%s: %q, not %q, of %q", key, v, want, values)
			}
		}
	}
	for _, key := range []string{"CapPrm", "CapEff"} {
		values, err := Threads(key)
		if err != nil {
			return err
		}
		n := 0
		for _, v := range values {
			if v == kept {
				n++
			} else if v != strings.Repeat("0", 16) {
				return fmt.Errorf("%s: %q", key, values)
			}
		}
		if n != 1 {
			return fmt.Errorf("%s: %d threads have what one is to keep: %q", key, n, values)
		}
	}
	// The thread can open what others cannot.
	var inside error
	t.Do(func() { inside = openRaw() })
	if inside != nil {
		return fmt.Errorf("the thread cannot capture: %w", inside)
	}
	if openRaw() == nil {
		return fmt.Errorf("every thread can capture")
	}
	if unix.Setresuid(0, 0, 0) == nil {
		return fmt.Errorf("the process can be root again")
	}
	return nil
}

// threads makes n more.
func threads(n int) {
	made := make(chan struct{})
	for range n {
		go func() {
			runtime.LockOSThread()
			made <- struct{}{}
			select {}
		}()
	}
	for range n {
		<-made
	}
}

func openRaw() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// All threads lose root and get no privileges back, one keeps what is asked for; with cgo and without.
func TestDrop(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to give it up")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), child+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestInvoker(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		uid  int
		gid  int
		name string
	}{
		{map[string]string{"SUDO_UID": "12345", "SUDO_GID": "54321"}, 12345, 54321, "12345"},
		{map[string]string{"PKEXEC_UID": "12346"}, 12346, overflow, "12346"},
		{map[string]string{"SUDO_UID": "0"}, -1, -1, "nobody"},
		{map[string]string{"SUDO_UID": "x"}, -1, -1, "nobody"},
		{nil, -1, -1, "nobody"},
	} {
		u := Invoker(func(key string) string { return c.env[key] })
		if u.String() != c.name || u.Root() || c.uid >= 0 && (u.UID != c.uid || u.GID != c.gid) || len(u.Groups) != 1 || u.Groups[0] != u.GID {
			t.Errorf("%v: %+v", c.env, u)
		}
	}
	if _, err := Named("no such user"); err == nil {
		t.Error("a user that there is not")
	}
	if u, err := Named("0"); err != nil || !u.Root() {
		t.Error(u, err)
	}
}
