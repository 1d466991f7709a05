//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// onStop tells of Ctrl-Z, which from now on stops nothing by itself.
func onStop() chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTSTP)
	return c
}

// stopSelf stops this process as Ctrl-Z would have.
func stopSelf() { syscall.Kill(os.Getpid(), syscall.SIGSTOP) }
