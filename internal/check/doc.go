// Package check holds captures to expectations that are written in YAML.
//
//	tcptrack.yaml ──Load──> File ──Runner.Run──> Outcome ──> text | JUnit | GitHub
//	                            captures ──pipeline──┘
//
// An expectation is a selection of connections (internal/query) with conditions, a count, a statement about the capture,
// or a golden file. It is judged while the capture is read, so that memory does not grow with the connections: only the
// first few that decide are kept. A claim that something is not there holds only for a capture that lacks nothing; of
// another it is inconclusive.
//
// Nothing here reads a clock, and no format is known: the golden file's lines are written by whoever runs the tests.
package check
