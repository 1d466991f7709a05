package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// AcceptQueueOverflow finds listeners whose application does not accept.
var AcceptQueueOverflow = Rule{
	Code:      "accept-queue-overflow",
	Title:     "the handshake is done, and the server takes no data",
	Severity:  Warning,
	Culprits:  "the server's application, which does not accept",
	Evidence:  "the client has completed the handshake and repeats its first data; the server has sent nothing but its SYN-ACK, perhaps again; or, seen at the server, its RST answers the data as if there had been no handshake a moment ago",
	Threshold: "3 repetitions, or 2 where the SYN-ACK was repeated too, and a second: a lost segment is made good by the first",
	Cause:     "the listener's accept queue is full: the application does not accept, or not fast enough, or its backlog is small; the kernel drops the handshake's last ACK and the data behind it, and the client believes that it is connected",
	Remedy:    "on the server 'ss -tln sport = :PORT' shows the queue (Recv-Q) and its length (Send-Q), 'nstat -az TcpExtListenOverflows' counts; find out why the application does not accept; a larger listen backlog and net.core.somaxconn only for bursts",
	NotWhen:   "TCP_DEFER_ACCEPT, which takes the data; a last ACK that is lost; full segments only, none of which may get through (mtu-blackhole); a path that is cut right after the handshake, which looks the same from afar",
	RFC:       "9293 3.5, 3.10.7.4",
	Absence:   true,
	Limits:    []Limit{{"repeats", 3, "", "times that the client's data was repeated"}},
	Wakes:     tracker.Resent | tracker.Reset | tracker.Ended,
	New:       func(l Limits) Judge { return &acceptQueueOverflow{l.Count("repeats"), newRepeats()} },
}

type acceptQueueOverflow struct {
	limit int
	sent  repeats
}

// queued says that the server has not taken the end of the handshake, as far as it shows.
func queued(v tracker.View, side tracker.Side) bool {
	s := v.End(tracker.Server)
	return side == tracker.Client && s.Seen() && s.Sure() == tracker.SynRecv
}

func (j *acceptQueueOverflow) Fact(b *Bench, f *tracker.Fact) {
	if f.Kind == tracker.Ended {
		j.sent.end(f)
		return
	}
	if f.Kind == tracker.Reset {
		j.reset(b, f)
		return
	}
	if !queued(f.Conn, f.Side) {
		return
	}
	x, _ := j.sent.note(b, f)
	server := f.Conn.End(tracker.Server)
	if x != nil && x.swallowed(f.Conn.End(tracker.Client), server) {
		return
	}
	if x == nil || f.Time-server.SentAt() < nsPerSecond || x.n < j.limit && !(x.n == j.limit-1 && server.SYNRepeats() > 0) {
		return
	}
	fresh := b.Standing(x.Conn, f.Side) == nil
	z := b.Raise(x.Case, f.Side)
	z.Culprit, z.Since = ServerApp, server.SentAt()
	z.Add(x.packet)
	z.Add(f.Packet)
	z.Summary = fmt.Sprintf("the client has repeated its first %s %s in %s, and the server has said nothing since its SYN-ACK (sent %s)",
		count(f.Seg.Len, "octet"), count(x.n, "time"), seconds(f.Time-server.SentAt()), count(1+server.SYNRepeats(), "time"))
	b.Tell(z)
	if fresh {
		b.WakeAt(Alarm{At: f.Time + 5*nsPerSecond, Conn: x.Conn, Side: f.Side})
	}
}

// firstTimer is how long a listener keeps a handshake at the least: until it would repeat its SYN-ACK (RFC 6298 2.1).
const firstTimer = nsPerSecond

// reset judges a RST with which a listener answers data: it dropped the handshake that it has just been given. Only at
// its own side it is certain that it was given the handshake's end, and has said nothing else.
func (j *acceptQueueOverflow) reset(b *Bench, f *tracker.Fact) {
	client, server := f.Conn.End(tracker.Client), f.Conn.End(tracker.Server)
	if f.Side != tracker.Server || !f.Taken || f.Shape != tracker.ShapeReply || f.Conn.Late() || !server.Near() ||
		!queued(f.Conn, tracker.Client) || server.SYNRepeats() > 0 || f.Time-server.SentAt() >= firstTimer ||
		client.Sure() != tracker.Established || unacked(client) == 0 || b.Standing(f.Conn.Num(), tracker.Client) != nil {
		return
	}
	z := b.Raise(CaseOf(f.Conn), tracker.Client)
	z.Culprit, z.Since = ServerApp, server.SentAt()
	z.Add(f.Packet)
	z.Summary = fmt.Sprintf("the server's host answers the client's first %s with the RST of a host that does not know the connection, %s after its own SYN-ACK: it dropped the handshake's end",
		count(unacked(client), "octet"), seconds(f.Time-server.SentAt()))
	b.Tell(z)
}

// Wake ends the finding when the server has taken the connection.
func (j *acceptQueueOverflow) Wake(b *Bench, a Alarm) {
	z, x := b.Standing(a.Conn, a.Side), j.sent.by[endOf(a.Conn, a.Side)]
	if z == nil || x == nil {
		return
	}
	v, ok := x.conn.View()
	if !ok {
		return
	}
	if !queued(v, a.Side) {
		b.Close(z, v.End(tracker.Server).SentAt())
		return
	}
	b.poll(a, 5*nsPerSecond)
}
