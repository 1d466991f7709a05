// Package zeek shows connections as Zeek's conn.log in its tab-separated form: the header lines, the columns that Zeek's
// default scripts write in their order (community_id, of a script that comes with Zeek, behind them), a row for each
// connection that Zeek would have made, #close at the end. What the columns mean is Zeek's: see tracker.Zeek. It is an
// output.Writer and keeps nothing.
//
// Zeek takes the time of #open and #close from the clock and in local time; here both are the capture's, in UTC, so that
// the same capture gives the same file.
package zeek

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// columns are the fields and their types.
var columns = [...]struct{ name, kind string }{
	{"ts", "time"}, {"uid", "string"},
	{"id.orig_h", "addr"}, {"id.orig_p", "port"}, {"id.resp_h", "addr"}, {"id.resp_p", "port"},
	{"proto", "enum"}, {"service", "string"}, {"duration", "interval"}, {"orig_bytes", "count"}, {"resp_bytes", "count"},
	{"conn_state", "string"}, {"local_orig", "bool"}, {"local_resp", "bool"}, {"missed_bytes", "count"}, {"history", "string"},
	{"orig_pkts", "count"}, {"orig_ip_bytes", "count"}, {"resp_pkts", "count"}, {"resp_ip_bytes", "count"},
	{"tunnel_parents", "set[string]"}, {"ip_proto", "count"}, {"community_id", "string"},
}

// unset is what stands for a value that is not known.
const unset = "-"

// Writer writes a conn.log.
type Writer struct {
	out    *bufio.Writer
	row    []byte
	headed bool
}

// New makes a Writer to out. The header is written with the first row, or at the end.
func New(out io.Writer) *Writer { return &Writer{out: bufio.NewWriterSize(out, 64<<10)} }

// head writes the header of a log that was opened at that time, in nanoseconds since 1970 UTC.
func (w *Writer) head(opened int64) {
	if w.headed {
		return
	}
	w.headed = true
	var names, kinds strings.Builder
	for _, c := range columns {
		names.WriteString("\t" + c.name)
		kinds.WriteString("\t" + c.kind)
	}
	w.out.WriteString("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t" + unset + "\n#path\tconn\n" +
		"#open\t" + stamp(opened) + "\n#fields" + names.String() + "\n#types" + kinds.String() + "\n")
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02-15-04-05") }

// Connection writes the rows of a connection.
func (w *Writer) Connection(c *tracker.Connection) {
	for i := range c.Zeek {
		w.head(c.Zeek[i].Start)
		w.row = appendRow(w.row[:0], c, &c.Zeek[i], i)
		w.out.Write(w.row)
	}
}

// appendRow writes the connection's row of that number.
func appendRow(b []byte, c *tracker.Connection, z *tracker.Zeek, number int) []byte {
	orig, resp := c.Client.Endpoint, c.Server.Endpoint
	if z.Orig == tracker.Server {
		orig, resp = resp, orig
	}
	from, to := orig.IP(), resp.IP()
	b = appendSeconds(b, z.Start)
	b = appendUID(append(b, '\t'), c, z.Start, number)
	b = from.AppendTo(append(b, '\t'))
	b = appendCount(b, uint64(orig.Port))
	b = to.AppendTo(append(b, '\t'))
	b = appendCount(b, uint64(resp.Port))
	b = append(b, "\ttcp\t"+unset...)
	if z.Duration > 0 {
		b = appendSeconds(append(b, '\t'), z.Duration)
		b = appendCount(b, z.OrigEnd.Bytes)
		b = appendCount(b, z.RespEnd.Bytes)
	} else {
		b = append(b, "\t"+unset+"\t"+unset+"\t"+unset...)
	}
	b = append(append(b, '\t'), z.State...)
	b = append(append(b, '\t'), local(from))
	b = append(append(b, '\t'), local(to))
	b = appendCount(b, z.Missed)
	b = append(b, '\t')
	if was := len(b); len(z.History.Append(b)) > was {
		b = z.History.Append(b)
	} else {
		b = append(b, unset...)
	}
	b = appendCount(b, z.OrigEnd.Packets)
	b = appendCount(b, z.OrigEnd.IPBytes)
	b = appendCount(b, z.RespEnd.Packets)
	b = appendCount(b, z.RespEnd.IPBytes)
	b = append(b, "\t"+unset+"\t6\t"...) // tunnel_parents, ip_proto
	b = tcp.AppendCommunityID(b, orig, resp)
	return append(b, '\n')
}

func appendCount(b []byte, n uint64) []byte { return strconv.AppendUint(append(b, '\t'), n, 10) }

// appendSeconds writes nanoseconds as seconds with six places, as Zeek does.
func appendSeconds(b []byte, ns int64) []byte {
	if ns < 0 {
		b, ns = append(b, '-'), -ns
	}
	us := (ns + 500) / 1000
	b = strconv.AppendInt(b, us/1e6, 10)
	b = append(b, '.')
	for unit := int64(1e5); unit > 0; unit /= 10 {
		b = append(b, byte('0'+us/unit%10))
	}
	return b
}

// appendUID writes an identifier in the form of Zeek's, C and 17 characters, which the same capture gives again.
func appendUID(b []byte, c *tracker.Connection, start int64, number int) []byte {
	seed := binary.BigEndian.AppendUint64(nil, c.Conn)
	seed = binary.BigEndian.AppendUint64(seed, uint64(start))
	seed = append(seed, byte(number))
	for _, e := range []tcp.Endpoint{c.Client.Endpoint, c.Server.Endpoint} {
		seed = append(seed, e.String()...)
	}
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256(seed)
	b = append(b, 'C')
	for i := range 17 {
		b = append(b, digits[sum[i]%62])
	}
	return b
}

// local says T of an address that Zeek takes for the site's own by default: one that is not routed.
func local(a netip.Addr) byte {
	for _, n := range private {
		if n.Contains(a) {
			return 'T'
		}
	}
	return 'F'
}

// private is Zeek's Site::private_address_space: the blocks of IANA's special-purpose registries.
var private = func() (list []netip.Prefix) {
	for _, p := range strings.Fields(`
		0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.168.0.0/16
		198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/24 239.0.0.0/8 240.0.0.0/4 255.255.255.255/32
		2002::/24 2002:a00::/24 2002:6440::/26 2002:7f00::/24 2002:a9fe::/32 2002:ac10::/28 2002:c000::/40 2002:c000:200::/40
		2002:c0a8::/32 2002:c612::/31 2002:c633:6400::/40 2002:cb00:7100::/40 2002:e000::/40 2002:ef00::/24 2002:f000::/20
		2002:ffff:ffff::/48 ::/128 ::1/128 64:ff9b:1::/48 100::/64 2001::/23 2001:2::/48 2001:db8::/32 fc00::/7 fe80::/10 fec0::/10`) {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}()

// Finding is not shown: conn.log has no room for it.
func (*Writer) Finding(*anomaly.Finding) {}

// Transition is not shown.
func (*Writer) Transition(*tracker.Transition) {}

// Summary ends the log.
func (w *Writer) Summary(s *output.Summary) {
	w.head(s.Last)
	w.out.WriteString("#close\t" + stamp(s.Last) + "\n")
}

// Flush writes what is buffered and returns the first error of any write.
func (w *Writer) Flush() error { return w.out.Flush() }
