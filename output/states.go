package output

import "github.com/tcptrack/tcptrack/tracker"

// StateManual is the manual of one state. The times are those of Linux, with the sysctl and its default.
type StateManual struct {
	State tracker.State
	Means string
	Side  string // which side is in it, and when
	Keeps string // what keeps it there
	Lasts string // how long it may last
	Many  string // what thousands of it mean
	Do    string // and what to do
	Shows string // how ss and netstat show it
	RFC   string
}

// States is the manual of the states, in the order of a connection's life.
var States = []StateManual{
	{
		State: tracker.Listen,
		Means: "A socket waits for connections; it is no connection itself.",
		Side:  "The server, from listen() until it closes the socket.",
		Keeps: "The application: nothing that arrives on the wire ends it. A RST to a connection that it is setting up leaves it as it is.",
		Lasts: "For ever. No packet shows it, so tcptrack knows of it from the kernel alone.",
		Many:  "One for each address and port that is served (with SO_REUSEPORT one for each worker). What matters is its queue: connections that nobody accepts.",
		Do:    "Compare its Recv-Q (waiting for accept) with its Send-Q (the bound: the least of listen()'s backlog and net.core.somaxconn, 4096). Full: accept() faster, or raise both.",
		Shows: "'ss -tnl': LISTEN, Recv-Q and Send-Q as said; netstat -ltn: LISTEN.",
		RFC:   "9293 3.3.2, 3.10.7.2",
	},
	{
		State: tracker.SynSent,
		Means: "A SYN has been sent and nothing has come back.",
		Side:  "The client, from connect() until the SYN-ACK; both sides in a simultaneous open.",
		Keeps: "No answer: the host is down, a firewall drops the SYN, the listener's queue is full, or the answer takes another way.",
		Lasts: "SYNs are repeated after 1, 3, 7, 15, 31 and 63 s, net.ipv4.tcp_syn_retries (6) times, and given up after about 127 s; newer kernels repeat the first ones each second (tcp_syn_linear_timeouts, 4). TCP_USER_TIMEOUT and the application's own timeout end it earlier.",
		Many:  "To one destination: it is unreachable or overloaded. To many: this host scans, or its own way out is shut.",
		Do:    "Look at the destination: 'ss -tnl' there, its firewall, 'nstat TcpExtListenDrops'. Give connect() a timeout of a few seconds. A RST (refused) would end it at once: a firewall that rejects is kinder than one that drops.",
		Shows: "'ss -tn state syn-sent'; netstat: SYN_SENT.",
		RFC:   "9293 3.5, 3.10.7.3",
	},
	{
		State: tracker.SynRecv,
		Means: "A SYN was answered by a SYN-ACK, and the last ACK of the handshake has not come, or was not taken.",
		Side:  "The server, between SYN and the client's ACK; both sides in a simultaneous open. The client calls it ESTABLISHED already.",
		Keeps: "The ACK is lost, the client's address is forged, the accept queue is full (the listener then ignores the ACK), or TCP_DEFER_ACCEPT waits for data.",
		Lasts: "SYN-ACKs are repeated net.ipv4.tcp_synack_retries (5) times, 63 s in all.",
		Many:  "A flood of forged SYNs (many sources, no ACK ever), or an application that does not accept (few sources, whose data is repeated).",
		Do:    "Flood: net.ipv4.tcp_syncookies=1 (the default), a larger tcp_max_syn_backlog. Full queue: accept() faster, a larger backlog and net.core.somaxconn; 'nstat TcpExtListenOverflows' counts it.",
		Shows: "'ss -tn state syn-recv'; netstat: SYN_RECV. The accept queue is the Recv-Q of 'ss -tnl'.",
		RFC:   "9293 3.5, 3.10.7.4",
	},
	{
		State: tracker.Established,
		Means: "The handshake is done, and neither side has closed, as far as is known. Data flows, or nobody has anything to say.",
		Side:  "Both.",
		Keeps: "The applications. Without traffic nothing tells an end that the other has gone. A shut window keeps it too, and then it may be FIN_WAIT1 in truth: a close that waits behind unsent data shows on no wire.",
		Lasts: "For ever when idle; with SO_KEEPALIVE probes after net.ipv4.tcp_keepalive_time (7200 s), tcp_keepalive_intvl (75 s) apart, dead after tcp_keepalive_probes (9). With data unanswered net.ipv4.tcp_retries2 (15) ends it after about 15 to 30 minutes, TCP_USER_TIMEOUT earlier. Behind a shut window that is acknowledged it never ends.",
		Many:  "Healthy where it is the load. Idle thousands: leaking clients, or peers that vanished without a word.",
		Do:    "'ss -tnoi' shows lastsnd and lastrcv: how long idle. Switch keepalives on, time idle connections out in the application. Stuck ones have a large Send-Q, and their peer a large Recv-Q.",
		Shows: "'ss -tn': ESTAB; netstat: ESTABLISHED.",
		RFC:   "9293 3.3.2, 3.8.4, 3.8.6.1",
	},
	{
		State: tracker.FinWait1,
		Means: "This end has closed; its FIN is not acknowledged, and may not even have been sent.",
		Side:  "Who closes first, from close() or shutdown(SHUT_WR) until the ACK of its FIN.",
		Keeps: "The peer does not acknowledge. Either the FIN, or its ACK, gets lost (short), or the FIN waits behind data that the peer's shut window holds back: an application that has stopped reading. Then no FIN shows on the wire, and the peer says ESTABLISHED.",
		Lasts: "With the FIN or data in flight and no process: net.ipv4.tcp_orphan_retries (0, which means 8) repeats, about 107 s. Behind a shut window that is acknowledged: about 10 probes, some 333 s with an RTO of 0.2 s, and for ever where tcp_retries2 is 8 or less. With the process still there (shutdown) for ever. net.ipv4.tcp_fin_timeout does not touch it: that times FIN_WAIT2.",
		Many:  "Clients that stop reading (slow, stopped, or an attack that wants the memory): each holds its send queue, up to the last number of net.ipv4.tcp_wmem (4 MiB). Sockets times send queue is the memory at stake; beyond net.ipv4.tcp_max_orphans the kernel resets them.",
		Do:    "Mend the reader. At this end: TCP_USER_TIMEOUT on the socket, tcp_orphan_retries and tcp_max_orphans, nginx reset_timedout_connection on; 'ss -K state fin-wait-1 dst HOST' ends them at once. See explain fin-wait1-zero-window.",
		Shows: "'ss -tnoem state fin-wait-1': FIN-WAIT-1, Send-Q is what waits, timer:(persist,...) is a shut window, timer:(on,...) an unanswered FIN; netstat: FIN_WAIT1.",
		RFC:   "9293 3.3.2, 3.6, 3.8.6.1",
	},
	{
		State: tracker.FinWait2,
		Means: "This end has closed and the peer has acknowledged that; the peer has not closed.",
		Side:  "Who closed first, from the ACK of its FIN until the peer's FIN.",
		Keeps: "The peer's application: it is in CLOSE_WAIT and has not called close(), or goes on sending, which a half-close allows.",
		Lasts: "With no process: net.ipv4.tcp_fin_timeout (60 s), then it is gone without a word. With the process still there, after shutdown(SHUT_WR): for ever.",
		Many:  "Peers that never close: see CLOSE_WAIT on their side. After shutdown() without a timeout they pile up.",
		Do:    "Mend the peer. At this end close() instead of waiting for ever, lower tcp_fin_timeout or set TCP_LINGER2 on the socket.",
		Shows: "'ss -tno state fin-wait-2', timer:(timewait,...) where an orphan runs out; netstat: FIN_WAIT2.",
		RFC:   "9293 3.3.2, 3.6",
	},
	{
		State: tracker.CloseWait,
		Means: "The peer has closed, this end's kernel has acknowledged that, and this end's application has not closed.",
		Side:  "Who is closed upon, from the peer's FIN until its own close().",
		Keeps: "This end's application alone: it has not read the end of the stream, or has and forgot to close the descriptor. A half-close that is meant looks the same while data flows.",
		Lasts: "For ever: no timer ends it. The peer, in FIN_WAIT2, is gone after 60 s and then answers with RSTs.",
		Many:  "A leak of descriptors in this host's application, which ends with EMFILE; or its threads are all stuck.",
		Do:    "'ss -tnp state close-wait' names the process. Look where it handles the end of a stream: read() of 0, a pool that keeps dead connections, a thread that hangs. A restart only hides it.",
		Shows: "'ss -tnp state close-wait': CLOSE-WAIT, Recv-Q 1 where the end was not read; netstat: CLOSE_WAIT.",
		RFC:   "9293 3.3.2, 3.6",
	},
	{
		State: tracker.Closing,
		Means: "Both ends have closed at the same time: the FINs crossed, and the ACK of this end's is awaited.",
		Side:  "Both, after a simultaneous close.",
		Keeps: "The ACK of the FIN: lost, or the FIN waits behind data and a shut window.",
		Lasts: "As FIN_WAIT1: a round trip, or tcp_orphan_retries repeats, about 107 s.",
		Many:  "Rare. Thousands: peers that both close on the same event, and a path that loses the ACKs, or readers that stopped reading.",
		Do:    "As for FIN_WAIT1.",
		Shows: "'ss -tn state closing'; netstat: CLOSING.",
		RFC:   "9293 3.6 figure 13",
	},
	{
		State: tracker.LastAck,
		Means: "The peer closed first, this end has closed as well, and the ACK of its FIN is awaited.",
		Side:  "Who is closed upon, from its own close() until the last ACK.",
		Keeps: "The ACK, or the FIN, is lost; the peer is gone; or the FIN waits behind data and a shut window.",
		Lasts: "A round trip; else tcp_orphan_retries (0, which means 8) repeats, about 107 s.",
		Many:  "Peers that vanish after their FIN, or a firewall that forgets a connection at the first FIN.",
		Do:    "Capture at the peer: does the FIN arrive, is it acknowledged? Firewalls: nf_conntrack_tcp_timeout_last_ack (30 s) is shorter than the repeats.",
		Shows: "'ss -tno state last-ack'; netstat: LAST_ACK.",
		RFC:   "9293 3.3.2, 3.6",
	},
	{
		State: tracker.TimeWait,
		Means: "Both have closed, all is acknowledged; the four-tuple is kept so that stray segments meet no new connection, and a lost last ACK can be sent again.",
		Side:  "Who closed first; both after a simultaneous close.",
		Keeps: "A timer, as it should.",
		Lasts: "60 s, fixed in Linux: no sysctl changes it, and tcp_fin_timeout does not either. A RST may end it early (RFC 1337), a new SYN with a higher sequence number or timestamp may reuse it.",
		Many:  "Healthy: a busy end that closes first. At a client they use up the ports to one destination: 28000 in 60 s (net.ipv4.ip_local_port_range) is about 470 connections a second. Each costs some 200 octets.",
		Do:    "Keep connections (keep-alive, pools), let the other side close first, net.ipv4.tcp_tw_reuse=1 at the client. Beyond net.ipv4.tcp_max_tw_buckets they are dropped early.",
		Shows: "'ss -tan state time-wait'; netstat: TIME_WAIT.",
		RFC:   "9293 3.6, 1337, 6191",
	},
	{
		State: tracker.Closed,
		Means: "There is no connection: not yet, or no longer.",
		Side:  "Both, before the first SYN and after the last ACK, a RST, or a timer that no packet shows.",
		Keeps: "Nothing.",
		Lasts: "Until somebody connects. To whoever still sends, a host answers with a RST.",
		Many:  "Not in ss: what is closed has no socket. In tcptrack: connections that are over.",
		Do:    "Look how they ended: FIN, RST, refused or a timer ('tcptrack read -o csv', column how).",
		Shows: "Not listed; ss calls a socket that is neither connected nor listening UNCONN, netstat CLOSE.",
		RFC:   "9293 3.3.2, 3.10.7.1",
	},
}
