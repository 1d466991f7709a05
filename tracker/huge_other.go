//go:build !linux

package tracker

// huge asks for nothing where there is nobody to ask.
func huge[T any](s []T) []T { return s }
