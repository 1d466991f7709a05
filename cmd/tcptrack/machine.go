package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime/pprof"
	"strconv"

	"github.com/tcptrack/tcptrack/tracker"
)

// defaultMaxConnections bounds the connections to what a quarter of the machine's memory holds.
func defaultMaxConnections() uint {
	return uint(machineMemory() / 4 / uint64(tracker.ConnectionBytes))
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
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if limit, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64); err == nil {
			memory = min(memory, limit)
		}
	}
	return memory
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
