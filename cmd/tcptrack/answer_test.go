//go:build !race

package main

import "time"

// answerTime is what an answer may take.
const answerTime = 100 * time.Millisecond
