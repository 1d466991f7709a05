// Package query is the selection language: which connections are meant.
//
//	port:443 state:fin_wait1 not client:10.0.3.0/24 (finding:zero-window-* or idle:>30s)
//
// A text is parsed once into a Selection, which then says of each Subject, a connection that lives or has retired with
// what was found on it, whether it is meant. The table of fields in fields.go is the one source of what can be asked: the
// parser, completion, help and docs/selection.md are made from it.
//
// What is not known matches nothing, so its "not" matches. There are no loops, no arithmetic and no names to define, and
// length and depth are bounded: a selection costs at most its own length for each connection, and allocates nothing. A
// Selection does not change and may be used by many goroutines; the package reads no clock and changes nothing that it
// is shown.
package query
