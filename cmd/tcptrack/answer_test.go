//go:build !race

package main

import "time"

// answerTime is what an answer may take.
const answerTime = 100 * time.Millisecond

// pageFlows are the connections of a page that scrolls.
const pageFlows = 100_000
