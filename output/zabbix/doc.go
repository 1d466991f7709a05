// Package zabbix answers the keys of a Zabbix agent, and speaks to a Zabbix server.
//
//	census of a running serve ──Of──┐
//	                                ├─> Values ──Answer──> tcp.status[finwait1], tcptrack.get, ...
//	this host's sockets ──Add, Listen┘        └─Discovery, Send
//
//	values.go     what is answered from, and its JSON
//	key.go        keys and their answers
//	discovery.go  low-level discovery of ports
//	send.go       the sender's side of the trapper protocol
//	template.go   the template to import, whose keys are those of key.go
//
// It reads no clock and asks no kernel: who calls does.
package zabbix
