// Package report makes one page of HTML of a run: what was read, what is wrong in words, where the connections stood, a
// table of them, and drawings of the worst.
//
//	first pass   Collector, an output.Writer: findings, the worst connections, counts ──> Worst, those to be drawn
//	second pass  their drawings (output/ladder)                                      ──> Write
//
// The page is whole: its style and its script are in it, the browser is told to take no other and to ask nobody
// (content security policy, by hash), and without a script everything is there as well. All that comes from a capture or
// a command line goes through html/template or the painters' own escapes. What is kept is bounded, and what was left out is
// said on the page.
package report
