package main

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/tracker"
)

// defaultMaxConnections bounds the connections where nothing is kept beside them: the same for all commands of that kind,
// so that a connection has one number in all of them.
func defaultMaxConnections() uint { return room(false, false) }

// room is how many connections a quarter of the machine's memory holds.
func room(zeek, analysis bool) uint {
	return uint(machineMemory() / 4 / uint64(tracker.ConnectionBytes+tracker.BytesBeside(zeek, analysis)))
}

// numericFlag adds the flag without which hands used to tcpdump stumble.
func numericFlag(f *pflag.FlagSet) {
	f.BoolP("numeric", "n", false, "accepted for tcpdump's sake: addresses and ports are always numbers")
}

// boundFlag adds the flag of the bound on connections.
func boundFlag(f *pflag.FlagSet, n *uint) {
	const name = "max-connections"
	f.UintVar(n, name, defaultMaxConnections(), "track at most `N` connections at once, 0 without bound")
	f.Lookup(name).DefValue = "what a quarter of the memory holds" // of any machine: manual pages are not made for this one
}

// bound is what --max-connections says, for the pipeline: where it says nothing, and what Zeek or Wireshark would say of
// each connection is kept, there is room for fewer.
func bound(n uint, zeek, analysis bool) int {
	if n == defaultMaxConnections() {
		n = room(zeek, analysis)
	}
	return int(n)
}

// machineMemory is the memory of the machine, or of our control group where that is less; 4 GiB where neither is told.
func machineMemory() uint64 {
	memory := uint64(4 << 30)
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		// MemTotal:       16384000 kB
		if fields := bytes.Fields(text); len(fields) > 1 {
			if kb, err := strconv.ParseUint(string(fields[1]), 10, 64); err == nil {
				memory = kb << 10
			}
		}
	}
	for _, file := range groupLimits() {
		if text, err := os.ReadFile(file); err == nil {
			if limit, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64); err == nil {
				memory = min(memory, limit)
			}
		}
	}
	return memory
}

// groupLimits are the files that limit the memory of our control group and of those that it is in.
func groupLimits() (files []string) {
	text, _ := os.ReadFile("/proc/self/cgroup")
	_, group, _ := strings.Cut("\n"+string(text), "\n0::")
	group, _, _ = strings.Cut(group, "\n")
	for group = path.Clean("/" + group); ; group = path.Dir(group) {
		files = append(files, path.Join("/sys/fs/cgroup", group, "memory.max"))
		if group == "/" {
			return files
		}
	}
}

// profile writes a CPU profile to the named file until stop is called; no name, no profile.
func profile(name string) (stop func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	f, err := create(name, nil)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

// collectLate has the collector look at the heap for the first time when it is 64 MiB large, and from then on as always:
// below that there is little but tables that stay. A small capture takes 12 ms of the processor instead of 16.
func collectLate() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(1600) // of the 4 MiB at which it begins
	runtime.AddCleanup(new([64]byte), func(usual int) { debug.SetGCPercent(usual) }, 100)
}
