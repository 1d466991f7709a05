//go:build race

package main

import "time"

// answerTime is what an answer may take: with the race detector the program begins slowly.
const answerTime = 5 * time.Second

// pageFlows are the connections of a page that scrolls: with the race detector a busy machine reads 100,000 of them for
// more than a minute.
const pageFlows = 5_000
