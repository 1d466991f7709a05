// Package census counts, round by round, the connections that live, and adds up what ends and what is found, for whoever
// asks now and then what there is: metrics and the Zabbix agent.
//
//	tracker's goroutine                        any goroutine
//	Look, a part of a round ──> Report ──────> Latest
//	Connection, Finding ──────> sums ──┘
//
//	census.go    what the tracker's goroutine does: a few looks a second, each at a bounded part of the connections
//	findings.go  what was found, and what of it goes on
//	spread.go    how durations are spread
//	report.go    what is read of it
//	ports.go     which ports are named, so that neither clients nor scans make names
//
// A round shows the connections as they were while it went on: 100,000 connections in about a second. Everything is
// bounded: by the ports and states there are, and by maxOpen. The package reads no clock: who calls tells the time.
package census
