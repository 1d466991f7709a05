package main

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/rights"
)

// capturing are the flags that say how interfaces are opened: by which back end, in which network namespace.
type capturing struct {
	backend   string
	namespace string
	fanning
	relinquishing
	thread *rights.Thread // where they are opened; nil before begin
}

func (c *capturing) add(f *pflag.FlagSet) {
	c.addPlace(f)
	c.fanning.add(f)
	c.relinquishing.add(f)
}

// addPlace adds those that say where.
func (c *capturing) addPlace(f *pflag.FlagSet) {
	f.StringVar(&c.backend, "backend", "", "capture through `WHAT`: ring (shared with the Linux kernel), pcap (libpcap)")
	f.StringVar(&c.namespace, "netns", "", "capture inside the network namespace `NAME|PID`, as of a container")
}

// begin begins the thread on which all is opened that needs rights, in the network namespace of --netns. It ends with
// the process, or with end.
func (c *capturing) begin() error {
	if _, _, err := c.target(); err != nil {
		return err
	}
	c.thread = rights.NewThread()
	if c.namespace == "" {
		return nil
	}
	var err error
	c.thread.Do(func() { err = capture.EnterNamespace(c.namespace) })
	var unknown *capture.NoNamespaceError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unknown) && len(unknown.Have) > 0:
		err = &problem{err, nearestOf(unknown.Name, unknown.Have, "there are "+strings.Join(unknown.Have, ", ")+"; a process in it names it too")}
	case errors.As(err, &unknown):
		err = &problem{err, "name a process that runs in it, as docker inspect -f '{{.State.Pid}}' CONTAINER tells"}
	case errors.Is(err, fs.ErrPermission):
		err = &problem{fmt.Errorf("no right to enter the network namespace %s", c.namespace), "that takes CAP_SYS_ADMIN: run it with sudo"}
	}
	c.end()
	return err
}

func (c *capturing) end() {
	if c.thread != nil {
		c.thread.Close()
	}
}

// backendProblem says what to do about a back end that this build has not.
func backendProblem(err *capture.NoBackendError) error {
	known := []string{capture.BackendRing, capture.BackendPcap}
	switch {
	case err.Name == capture.BackendPcap || err.Name == "" && runtime.GOOS != "linux":
		return &problem{err, "libpcap is built in where pcap.h is (apt-get install libpcap-dev) and cgo works: go build -tags libpcap ./cmd/tcptrack"}
	case err.Name == capture.BackendRing:
		return &problem{err, "the ring is the Linux kernel's; leave --backend out"}
	case err.Name == "":
		return err
	}
	return unknownWord("back end", err.Name, known)
}
