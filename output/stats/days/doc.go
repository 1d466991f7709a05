// Package days keeps which clients were seen on which day, one bit each, in Roaring bitmap files or in a Redis server.
//
//	connections ──Mark──> Calendar ──Save──> DIR/2026-11-22.seen.roaring     all clients of that day (UTC)
//	                                         DIR/2026-11-22.finding.roaring  those on which something was found
//	DIR ──Read──> Report, ──Overlap──> Common ──> table | json | csv
//
// A file is a bitmap of 64-bit numbers in Roaring's portable format. The number of an IPv4 client is its address; that of an
// IPv6 client the upper half of its address, its /64: the lower half changes from day to day (RFC 8981). No IPv6 network in
// use has a number below 2^32. A file is replaced whole or not at all, and who writes adds to what is there. Days are of
// capture time; no clock is read here. Redis says how it keeps the same in a server's keys.
package days
