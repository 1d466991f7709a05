//go:build !unix

package main

import "os"

// onStop tells of nothing: there is no job control.
func onStop() chan os.Signal { return nil }

func stopSelf() {}
