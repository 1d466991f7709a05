// Command tcptrack says, for every TCP connection in a capture or on an interface, what state each end is in.
//
//	main.go     the process: signals, exit code
//	root.go     the command line, what is shared by all commands
//	read.go     read FILE...
//	live.go     live -i INTERFACE...
//	diagnose.go, explain.go  the story of the findings; a finding, a state or a connection explained
//	draw.go, report.go       one connection drawn; a page of a capture
//	check.go    captures held to expectations
//	save.go, incidents.go, extract.go, picker.go  -w, --save-anomalies, extract
//	select.go, sieve.go, filter.go, zeek.go  -Y and what it lets through; -f; --zeek-server-ports
//	rules.go, failon.go      --rules and thresholds; --fail-on
//	open.go     what is read: captures, text traces
//	format.go   -o: which format, where to
//	capturing.go, relinquish.go  how interfaces are opened, and root given up
//	interfaces.go, doctor.go what can be captured from, what would work
//	kernel.go, sockets.go    live --sockets: what the kernel says, asking it
//	stats.go, stats_*.go     counts of captures, of sockets, of both, by day
//	outlet.go   writing to whom may hang
//	serve.go, serve_*.go     the page, the API, metrics: what feeds them, where requests come in, packets
//	zabbix.go, zabbix_send.go  keys of an agent, values for trappers
//	top.go, top_*.go         the full screen, live or through the time of a capture
//	livetable.go, screen.go  the table of live on a terminal
//	completion.go, man.go, version.go  what the shell completes; manual pages; this build
//	machine.go, progress.go  the machine's memory, a CPU profile; how far a reading is
//	problem.go  errors as people read them
//
// Everything that reads a clock, a signal or the environment is here; what is below cmd/ does not.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A reader that goes away, as head does, ends the run by an error of the write, not by a signal.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program but for the process around it.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	// The first interrupt ends the reading, and what is known is printed; the second ends the process.
	ctx, stop := signal.NotifyContext(context.WithValue(context.Background(), ownProcess{}, true), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return execute(ctx, args, stdin, stdout, newOutlet(ctx, stderr, "standard error", nil))
}
