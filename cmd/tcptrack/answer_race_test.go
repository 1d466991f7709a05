//go:build race

package main

import "time"

// answerTime is what an answer may take: with the race detector the program begins slowly.
const answerTime = time.Second
