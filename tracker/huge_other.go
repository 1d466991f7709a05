//go:build !linux

package tracker

// hugePage is how much populate is asked for at once.
const hugePage = 2 << 20

// zeroed makes n entries without pointers.
func zeroed[T any](n int) []T { return make([]T, n) }

// populate does nothing here.
func populate[T any]([]T) {}

// discard does nothing here.
func discard[T any]([]T) bool { return false }
