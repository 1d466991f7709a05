package rights

import (
	"runtime"
	"sync"
)

// Thread is a thread of the operating system that does nothing but what it is given to do. It ends with Close, and what
// was changed of it alone, as its namespace, with it.
type Thread struct {
	work chan func()
	quit sync.Once
}

// NewThread begins a thread.
func NewThread() *Thread {
	t := &Thread{work: make(chan func())}
	go func() {
		runtime.LockOSThread() // and never unlocked: Go ends such a thread with its goroutine
		for f := range t.work {
			f()
		}
	}()
	return t
}

// Do runs f on the thread and waits for it. f must not call Do.
func (t *Thread) Do(f func()) {
	done := make(chan struct{})
	t.work <- func() { defer close(done); f() }
	<-done
}

// Close ends the thread; there must be no Do after it.
func (t *Thread) Close() { t.quit.Do(func() { close(t.work) }) }
