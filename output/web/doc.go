// Package web serves what a run says to browsers and programs: a store of it that is bounded, a JSON API and a page over
// HTTP.
//
//	tracker's goroutine              applier                 requests
//	Sink, Look ──> inbox ──────────> rows, findings, ring ──> views, streams of events
//	               short lock        write lock              read lock, a bounded time each
//
//	store.go    what the tracker's goroutine does: it puts copies into the inbox and never waits for a reader
//	rows.go     the connections that live, and the last that ended
//	events.go   the last events with their numbers, from which a stream resumes
//	server.go   the HTTP server: bounds, timeouts, security headers, which names of itself it answers to
//	token.go    who may ask: a token, exchanged for a cookie
//	listen.go   connections, bounded
//
// What a bound costs is counted, and told by /api/v1/status. The package reads no clock: Config.Now is the server's, time
// in what it serves is the capture's.
package web
