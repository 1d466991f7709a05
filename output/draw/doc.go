// Package draw paints the model of a connection that output/ladder gathers.
//
//	text.go      the ladder in a terminal
//	timeline.go  states, windows and flights over time in a terminal
//	svg.go       a picture of either or both, that is light or dark as its reader's screen
//	mermaid.go   the ladder as a Mermaid sequence diagram
//
// A terminal's line is never wider than asked for, and words carry what colours say as well. A picture is well-formed
// whatever it is told: text goes through escape. It holds no script and asks for nothing.
package draw
