// Package filter compiles a subset of the language of pcap-filter(7) to BPF programs, and runs them.
//
//	text -> scan -> parse -> expr ─┬─ generate (for a link type) -> cond -> graph of tests -> reduce -> assemble -> Program
//	                               └─ once for each link type of a capture
//
// The programs answer as libpcap's own do, octet for octet: the same tests in the same order, with the same shortcuts,
// because a program that looks behind the end of a packet that was cut short says no, wherever it looks. What is not in
// the subset is an Error that names the word; nothing is guessed.
//
// An Expr is read-only once parsed. A Program keeps nothing between packets but is run by one goroutine at a time.
package filter
