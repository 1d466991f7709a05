// Package stats counts connections by port, side and state: what scripts around netstat and awk do.
//
//	a socket, or one end of a connection ──Add──> Tally ──Rows, Peers──> table | json | csv
//
// An end is counted under the server's port: that of its own side if it is the server, its peer's if it is the client. So
// the kernel's sockets and the two ends of what is on the wire fit into the same rows. What is kept is bounded by ports,
// states and MaxPeers. The package reads nothing and knows no clock.
package stats
