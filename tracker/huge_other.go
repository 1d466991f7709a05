//go:build !linux

package tracker

// zeroed makes n entries without pointers.
func zeroed[T any](n int) []T { return make([]T, n) }
