package tracker

import (
	"os"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// TestMemoryComesAhead: when half of the second huge page is in use the third is there without being touched, and no other;
// while there are few, what is not touched is not there.
func TestMemoryComesAhead(t *testing.T) {
	skipUnlessPopulated(t)
	var a arena[[80]uint64]
	a.take()
	discard(a.chunks[0][:]) // it may be memory that was in use before
	const page = hugePage / 640
	for range page + page/2 + 2 {
		a.take()
	}
	whole := func(i int) []([80]uint64) { return a.chunks[0][i*page+10 : (i+1)*page-10] }
	for start := time.Now(); !mapped(t, whole(2)); time.Sleep(time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatal("the next page is not there after 10 s")
		}
	}
	for _, i := range []int{1, 3} {
		if mapped(t, whole(i)) {
			t.Errorf("page %d is there too", i)
		}
	}
}

// skipUnlessPopulated skips where the kernel cannot do what populate asks for.
func skipUnlessPopulated(t *testing.T) {
	room, err := syscall.Mmap(-1, 0, os.Getpagesize(), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(room)
	if err := syscall.Madvise(room, populateWrite); err != nil {
		t.Skipf("this kernel does not populate memory ahead: %v", err)
	}
}

// mapped says that all whole pages under entries are in memory.
func mapped[T any](t *testing.T, entries []T) bool {
	page := uintptr(os.Getpagesize())
	start := uintptr(unsafe.Pointer(unsafe.SliceData(entries)))
	first, end := (start+page-1)&^(page-1), (start+uintptr(len(entries))*unsafe.Sizeof(entries[0]))&^(page-1)
	there := make([]byte, (end-first)/page)
	if _, _, errno := syscall.Syscall(syscall.SYS_MINCORE, first, end-first, uintptr(unsafe.Pointer(unsafe.SliceData(there)))); errno != 0 {
		t.Fatal(errno)
	}
	for _, p := range there {
		if p&1 == 0 {
			return false
		}
	}
	return true
}
