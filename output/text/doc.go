// Package text shows connections to people: a table that puts the worst first, the answer for a single stuck
// connection in sentences, and a short summary.
//
//	found.go  the findings, kept until their connection's line comes
//	row.go    what is wrong with one connection, in words, and how bad it is
//	answer.go the same for one connection alone, in sentences
//	columns.go which columns fit, and how a line of them looks
//	table.go  the table, the worst first
//	lines.go  the same line by line, as it happens
//	board.go, rank.go, frame.go  lines above a table of what lives: its memory, who stands in it, how it is drawn
//	summary.go  the account of the run
//
// The table keeps a bounded number of connections until the summary comes, then prints. Nothing printed here is wider
// than asked for, and no state is told by colour alone. A connection stands where its worst finding puts it; what no
// finding says its states and counters may add in a word.
package text
