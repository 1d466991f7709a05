package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
)

// open opens the captures, or the one text trace.
func (o *readOptions) open(checksum capture.ChecksumMode, stdin io.Reader) (capture.Source, error) {
	filter, err := o.filtering.parse()
	if err != nil {
		return nil, err
	}
	if len(o.files) == 1 && isTrace(o.files[0]) {
		if filter != nil {
			return nil, &problem{fmt.Errorf("%s: is a text trace, and holds no packets to filter", o.files[0]), "-Y selects connections of it too: tcptrack help selection"}
		}
		if o.saving.wanted() {
			return nil, &problem{fmt.Errorf("%s: is a text trace, and holds no packets to save", o.files[0]), "name a pcap or pcapng file"}
		}
		return openTrace(o.files[0], o.packets)
	}
	return capture.Open(o.files, capture.Options{Checksum: checksum, Follow: o.follow, Stdin: stdin, MaxPackets: o.packets, Filter: filter, Recorder: o.looksOn()})
}

// looksOn is who is shown each packet as it is read, nil for nobody.
func (o *readOptions) looksOn() capture.Recorder {
	if o.recorder != nil {
		return o.recorder
	}
	return o.saving.recorder()
}

// readOnce names the first of captures that can be read once only: standard input, or a pipe, as <(...) makes one; "" if
// none is.
func readOnce(files []string) string {
	for _, name := range files {
		if name == "-" {
			return "standard input"
		}
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
			return name
		}
	}
	return ""
}

// isTrace says whether a file begins as a text trace does: with a comment or its origin. Of a pipe nothing is read: it
// would be missing later.
func isTrace(name string) bool {
	if readOnce([]string{name}) != "" {
		return false
	}
	f, err := os.Open(name)
	if err != nil {
		return false // capture.Open says why
	}
	defer f.Close()
	start := make([]byte, len("origin "))
	n, _ := io.ReadFull(f, start)
	return bytes.HasPrefix(start[:n], []byte("# ")) || string(start[:n]) == "origin "
}

// openTrace reads a text trace of at most limit segments, all if that is 0.
func openTrace(name string, limit uint64) (capture.Source, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	parsed, err := trace.Parse(name, text)
	if err != nil {
		return nil, &problem{err, "tcptrack read -o trace FILE writes a trace"}
	}
	var segs []tcp.Segment
	for i := range parsed.Items {
		if limit > 0 && uint64(len(segs)) == limit {
			break
		}
		if parsed.Items[i].Kind == trace.Segment {
			segs = append(segs, parsed.Items[i].Segment)
		}
	}
	return pipeline.Segments(segs), nil
}
