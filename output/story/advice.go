package story

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// role is a host's part in a finding.
type role uint8

const (
	self   role = iota // whose behaviour it is about
	peer               // the other one
	server             // whatever its part
)

// step is a command that shows or mends something. In it, {pair} stands for the ss filter of the connection, or of the
// port where there are many; {host} and {port} are the peer's.
type step struct {
	codes   string
	on      role
	command string
	shows   string
}

// steps are the commands, in the order in which to run them.
var steps = []step{
	{"zero-window-stall", self, "ss -tnmip {pair}", "a large Recv-Q is what the application has not read, users: which process it is; then look where that is stuck: gdb -p PID, py-spy dump -p PID, jstack PID, cat /proc/PID/stack"},
	{"zero-window-stall zero-window-farm", peer, "ss -tnoem {pair}", "the state: FIN-WAIT-1 has closed, ESTAB has not; Send-Q: what waits; timer:(persist,...): it probes"},
	{"fin-wait1-zero-window fin-wait1-pileup", self, "ss -tnoem state fin-wait-1 {pair}", "Send-Q and skmem: what each of them holds"},
	{"fin-wait1-zero-window fin-wait1-pileup", self, "sysctl -a -r 'tcp_(orphan_retries|max_orphans|retries2)'", "an orphan is given up after tcp_orphan_retries probes (0 means 8), with tcp_retries2 of 8 or less perhaps never; tcp_fin_timeout has no say: it times FIN_WAIT2"},
	{"fin-wait1-zero-window fin-wait1-pileup", self, "ss -K state fin-wait-1 {pair}", "ends them at once, as root, where the kernel has CONFIG_INET_DIAG_DESTROY"},
	{"fin-wait1-zero-window", peer, "ss -tnmip {pair}", "a large Recv-Q is what the application has not read, users: which process it is"},
	{"fin-unacked", self, "ss -tnoe state fin-wait-1 {pair}", "timer:(on,...,N): how often the FIN was sent; gone after tcp_orphan_retries (0 means 8) if its process has closed"},
	{"close-wait-stuck close-wait-pileup", self, "ss -tnp state close-wait {pair}", "users: the process that has not called close(); its descriptors leak: ls /proc/PID/fd | wc -l"},
	{"fin-wait2-stuck", peer, "ss -tnp state close-wait {pair}", "users: the process that has not called close()"},
	{"accept-queue-overflow syn-flood syn-recv-pileup", server, "ss -tnlp 'sport = :{sport}'", "Recv-Q: connections that wait for accept(); Send-Q: how many may, the least of listen()'s backlog and net.core.somaxconn"},
	{"accept-queue-overflow syn-flood syn-recv-pileup", server, "nstat -az TcpExtListenOverflows TcpExtListenDrops", "whether they grow: full queues"},
	{"syn-flood syn-recv-pileup", server, "sysctl net.ipv4.tcp_syncookies net.ipv4.tcp_max_syn_backlog", "cookies let a listener answer without keeping anything"},
	{"syn-unanswered connection-refused", server, "ss -tnlp 'sport = :{sport}'; nft list ruleset", "whether anything listens, on which address, and what a firewall drops"},
	{"mtu-blackhole", self, "tracepath -n {host}; sysctl net.ipv4.tcp_mtu_probing", "the hop where large packets end; 1 lets the kernel find a size that passes"},
	{"retransmission-storm peer-unresponsive keepalive-timeout", self, "nstat -az TcpRetransSegs TcpExtTCPTimeouts; mtr -T -P {port} {host}", "whether retransmissions grow, and at which hop packets get lost"},
	{"half-open data-after-close abortive-close", self, "ss -tnoep {pair}", "what this host still believes of the connection"},
	{"time-wait-pileup", self, "ss -tan state time-wait | wc -l; sysctl -a -r 'port_range|tw_reuse'", "how many there are against how many ports there are"},
}

// advice is a step with its places filled in.
type advice struct{ host, command, shows string }

// ask is the step where no other is known and a host is to blame.
var ask = step{on: self, command: "ss -tnoemip {pair}", shows: "what the kernel knows of it: state, queues, timers, the process"}

// advice returns the commands for the finding, for the hosts with most of it.
func (c *chapter) advice() (list []advice) {
	it := c.items[0]
	mine := slices.DeleteFunc(slices.Clone(steps), func(s step) bool { return !has(s.codes, c.rule.Code) })
	if len(mine) == 0 && c.culprit >= anomaly.ClientApp && c.culprit <= anomaly.ServerHost {
		mine = []step{ask}
	}
	for _, s := range mine {
		side := it.Side
		switch {
		case s.on == server:
			side = tracker.Server
		case it.Population:
			side = tracker.Server // a finding about a place names it as the server
		case s.on == peer:
			side = side.Other()
		}
		near, far := it.Client, it.Server
		if side == tracker.Server {
			near, far = far, near
		}
		pair := "dst " + far.String()
		if side == tracker.Client {
			pair = fmt.Sprintf("'sport = :%d and dst %s'", near.Port, far)
		}
		if len(c.items) > 1 || it.Population {
			field := "dport"
			if side == tracker.Server {
				field = "sport"
			}
			pair = fmt.Sprintf("'%s = :%d'", field, it.Server.Port)
			if it.Server.Port == 0 {
				pair = "" // all of a host's
			}
		}
		fill := strings.NewReplacer("{pair}", pair, "{host}", far.IP().String(), "{port}", fmt.Sprint(far.Port), "{sport}", fmt.Sprint(it.Server.Port))
		host := c.hostList(side)
		if it.Population && len(c.items) == 1 {
			host = near.IP().String()
		}
		list = append(list, advice{host, strings.TrimRight(fill.Replace(s.command), " "), s.shows})
	}
	return list
}

func has(words, word string) bool { return slices.Contains(strings.Fields(words), word) }
