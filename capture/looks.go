package capture

import (
	"bytes"
	"fmt"
)

// foreign lists files that people take for captures, by how they begin, and the way to read them.
var foreign = []struct{ magic, what, next string }{
	{"\xfd7zXZ\x00", "xz-compressed", "try: xz -dc FILE | tcptrack -"},
	{"BZh", "bzip2-compressed", "try: bzip2 -dc FILE | tcptrack -"},
	{"\x04\x22\x4d\x18", "lz4-compressed", "try: lz4 -dc FILE | tcptrack -"},
	{"PK\x03\x04", "a zip archive", "try: unzip -p FILE | tcptrack -"},
	{"\x1f\x8b", "gzip inside gzip", "decompress it once first"},
	{"\x28\xb5\x2f\xfd", "zstd inside a compressed file", "decompress it once first"},
	{"snoop\x00\x00\x00", "a Solaris snoop capture", "convert it: editcap FILE out.pcapng"},
	{"RTSS", "a Network Monitor capture", "convert it: editcap FILE out.pcapng"},
	{"GMBU", "a Network Monitor capture", "convert it: editcap FILE out.pcapng"},
	{"\x54\x52\x00\x00", "a Sniffer capture", "convert it: editcap FILE out.pcapng"},
	{"btsnoop\x00", "a Bluetooth capture", "there is no TCP in it"},
	{"\x7fELF", "a program", "name a capture file"},
	{"{", "text (JSON)", "name a capture file: pcap or pcapng"},
	{"#", "text", "name a capture file: pcap or pcapng"},
}

// notCapture is the error for a file that is no capture.
type notCapture struct{ what string }

func (n *notCapture) Error() string { return n.what }

func unknownFormat(b []byte) error {
	for _, f := range foreign {
		if bytes.HasPrefix(b, []byte(f.magic)) {
			return &notCapture{fmt.Sprintf("not a capture but %s; %s", f.what, f.next)}
		}
	}
	return &notCapture{fmt.Sprintf("not a pcap or pcapng file (it begins with % x); if it is a capture of another kind: editcap FILE out.pcapng", b[:min(len(b), 4)])}
}
