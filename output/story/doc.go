// Package story tells people what is wrong, in plain words: what is seen, what it means, whose fault it is, what to do
// on which host, how sure that is and what would make it certain.
//
//	diagnose.go  the findings of a run, kept, then told the worst first
//	group.go     many connections with one disease are one chapter
//	chapter.go   what a chapter says, section by section
//	advice.go    the command to run on each host
//	sure.go      how sure it is
//	manual.go    explain CODE, explain STATE
//	life.go      explain FILE N: one connection, gathered in two passes
//	history.go   what each end was taken to be, when and why
//	why.go       which states are possible, and why not the others
//	stall.go     what is known of a close that may hide behind a shut window
//
// The causes and remedies are those of the rules' manuals. Nothing printed is wider than asked for, except single words;
// nothing is said by colour alone; names of files are printed as they are given, so the caller makes them printable.
// What is kept is bounded.
package story
