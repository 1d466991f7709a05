// Package tracktest lets Go tests say what is expected of a capture, or of segments written as text:
//
//	func TestUpload(t *testing.T) {
//		trace := tracktest.Read(t, "testdata/upload.pcap")
//		trace.One("port:443").Server(tracker.FinWait1).Finding("zero-window-stall")
//		trace.None("how:rst or finding:capture-*")
//	}
//
// Connections are chosen in tcptrack's selection language (docs/selection.md). What does not hold fails the test at the
// line that asks, with what is so instead; what cannot be read ends it. A Trace belongs to the test's goroutine. It needs
// neither libpcap nor cgo, and works from any module.
//
// This is the one package of tcptrack with a promise before version 1: what it exports keeps working.
package tracktest
