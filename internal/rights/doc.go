// Package rights is about what this process may do: it opens what needs privileges on a thread of its own, gives up
// all but what is needed to open that again, and tells what it has.
//
//	Thread --Do--> enter a network namespace, open sockets
//	       --Drop-> every other thread: another user, no capability; this one: that user, the capabilities kept
//
// One thread with capabilities is enough, and it is the only way that works alike with and without cgo: Go can have all
// threads make a system call only where no C library keeps threads of its own, while the C library carries a change of
// user to all of them, and with it the loss of all capabilities.
package rights
