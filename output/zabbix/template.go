package zabbix

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Versions lists the Zabbix versions that a template is written for: each imports those of the ones before it.
var Versions = []string{"6.0", "7.0"}

const (
	templateName = "TCP by tcptrack"
	// groupUUID is Zabbix' own of the group Templates/Applications, which every installation has.
	groupUUID = "a571c0d144b14fd4a87a9d9b2aa9fcd6"
)

// Template is what to write: Trapper for values that tcptrack zabbix send sends instead of an agent that asks.
type Template struct {
	Version string // of Versions
	Trapper bool
}

// item is a dependent item of tcptrack.get.
type item struct {
	key, path, name, units string
	decimal                bool
	change                 bool // counts up: its change a second is kept
	serve                  bool // not there where the kernel alone answers
	trigger                *trigger
}

type trigger struct{ expression, name, priority, about string }

// macros are the thresholds of triggers.
var macros = [][3]string{
	{"{$TCPTRACK.AGE.MAX}", "60", "Seconds after which what tcptrack serve says is stale"},
	{"{$TCPTRACK.CLOSEWAIT.MAX}", "50", "Ends in CLOSE_WAIT: as the finding close-wait-pileup"},
	{"{$TCPTRACK.FINWAIT1.MAX}", "50", "Ends in FIN_WAIT1: as the finding fin-wait1-pileup"},
	{"{$TCPTRACK.STUCK.MAX}", "10", "Stuck connections at a port"},
	{"{$TCPTRACK.SYNRECV.MAX}", "50", "Ends in SYN_RECV: as the finding syn-recv-pileup"},
	{"{$TCPTRACK.ZW.AGE}", "60", "Seconds for which a window may be shut"},
}

// piles are the states that pile up, with the finding that says why.
var piles = map[string]*anomaly.Rule{"finwait1": &anomaly.FinWait1Pileup, "closewait": &anomaly.CloseWaitPileup, "synrecv": &anomaly.SYNRecvPileup}

// items are those of the host.
func items() (list []item) {
	for _, state := range spellings {
		if state == "" {
			continue
		}
		i := item{key: "tcp.status[" + state + "]", path: "$.states." + state, name: "Ends in " + state}
		if r := piles[state]; r != nil {
			macro := "{$TCPTRACK." + strings.ToUpper(state) + ".MAX}"
			i.trigger = &trigger{"min(/" + templateName + "/" + i.key + ",5m)>" + macro, "Too many ends in " + state, "HIGH", r.Cause + " " + r.Remedy + " tcptrack explain " + r.Code + " says more."}
		}
		list = append(list, i)
	}
	zw := item{key: "tcptrack.zerowindow", path: "$.zero_window_s", name: "Longest shut window", units: "s", decimal: true, serve: true}
	zw.trigger = &trigger{"min(/" + templateName + "/" + zw.key + ",2m)>{$TCPTRACK.ZW.AGE}", "A window has been shut for long", "WARNING", anomaly.ZeroWindow.Cause + " " + anomaly.ZeroWindow.Remedy}
	age := item{key: "tcptrack.age", path: "$.age_s", name: "Age of what serve says", units: "s", decimal: true, serve: true}
	age.trigger = &trigger{"last(/" + templateName + "/" + age.key + ")>{$TCPTRACK.AGE.MAX}", "tcptrack serve counts no more", "AVERAGE", "It hangs, or its capture has ended."}
	drop := item{key: "tcptrack.dropped", path: "$.dropped", name: "Packets lost a second", change: true, serve: true, decimal: true}
	drop.trigger = &trigger{"min(/" + templateName + "/" + drop.key + ",5m)>0", "tcptrack loses packets", "INFO", "What rests on packets that did not come is marked inconclusive. A filter or a shorter --snaplen helps."}
	list = append(list,
		item{key: "tcptrack.connections", path: "$.connections", name: "Connections"},
		item{key: "tcptrack.stuck", path: "$.stuck", name: "Stuck connections", serve: true},
		zw, age, drop,
		item{key: "tcptrack.packets", path: "$.packets", name: "Packets a second", change: true, serve: true, decimal: true},
		item{key: "tcptrack.evicted", path: "$.evicted", name: "Connections forgotten a second", change: true, serve: true, decimal: true})
	for s := anomaly.Info; s <= anomaly.Critical; s++ {
		list = append(list, item{key: "tcptrack.findings[" + s.String() + "]", path: "$.severities." + s.String(), name: "Findings that go on: " + s.String(), serve: true})
	}
	for _, r := range anomaly.Rules {
		i := item{key: "tcptrack.finding[" + r.Code + "]", path: "$.findings['" + r.Code + "']", name: "Findings: " + r.Title, serve: true}
		if r.Severity == anomaly.Critical {
			i.trigger = &trigger{"last(/" + templateName + "/" + i.key + ")>0", "tcptrack: " + r.Title, "HIGH", r.Cause + " " + r.Remedy + " tcptrack explain " + r.Code + " says more."}
		}
		list = append(list, i)
	}
	return list
}

// prototypes are those of each port.
func prototypes() (list []item) {
	for _, state := range []string{"established", "synrecv", "finwait1", "finwait2", "closewait", "lastack", "timewait", "listen"} {
		list = append(list, item{key: "tcp.status.port[{#PORT}," + state + "]", path: "$.ports['{#PORT}'].server." + state, name: "{#SERVICE} ({#PORT}): servers in " + state})
	}
	stuck := item{key: "tcptrack.stuck[{#PORT}]", path: "$.ports['{#PORT}'].stuck", name: "{#SERVICE} ({#PORT}): stuck connections", serve: true}
	stuck.trigger = &trigger{"min(/" + templateName + "/" + stuck.key + ",5m)>{$TCPTRACK.STUCK.MAX}", "Too many stuck connections at {#SERVICE} ({#PORT})", "AVERAGE",
		"Nothing moves on them: tcptrack live -i INTERFACE 'tcp port {#PORT}' says why."}
	zw := item{key: "tcptrack.zerowindow[{#PORT}]", path: "$.ports['{#PORT}'].zero_window_s", name: "{#SERVICE} ({#PORT}): longest shut window", units: "s", decimal: true, serve: true}
	return append(list,
		item{key: "tcptrack.connections[{#PORT}]", path: "$.ports['{#PORT}'].connections", name: "{#SERVICE} ({#PORT}): connections"},
		stuck, zw)
}

// writer writes YAML of the kind that Zabbix exports.
type writer struct {
	strings.Builder
	Template
}

// line writes a line at a depth; quote what may hold anything.
func (w *writer) line(depth int, format string, args ...any) {
	w.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(&w.Builder, format+"\n", args...)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// uuid is of version 4 by its form, and of what by its digits, so that every export has the same.
func uuid(what string) string {
	sum := sha256.Sum256([]byte(templateName + "\n" + what))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return hex.EncodeToString(sum[:16])
}

// YAML writes the template.
func (t Template) YAML() string {
	w := writer{Template: t}
	w.line(0, "# Made by tcptrack zabbix template.")
	w.line(0, "zabbix_export:")
	w.line(1, "version: %s", quote(t.Version))
	groups := "template_groups"
	if t.Version == "6.0" {
		groups = "groups"
		w.line(1, "date: '2026-01-01T00:00:00Z'")
	}
	w.line(1, "%s:", groups)
	w.line(2, "- uuid: %s", groupUUID)
	w.line(3, "name: Templates/Applications")
	w.line(1, "templates:")
	w.line(2, "- uuid: %s", uuid("template"))
	w.line(3, "template: %s", quote(templateName))
	w.line(3, "name: %s", quote(templateName))
	w.line(3, "description: %s", quote("What state each end of TCP connections is in, what is stuck and why: by tcptrack, from packets (tcptrack serve) or from this host's sockets."))
	w.line(3, "groups:")
	w.line(4, "- name: Templates/Applications")
	w.line(3, "items:")
	w.master()
	for _, i := range items() {
		w.item(4, "", i)
	}
	w.discovery()
	w.line(3, "tags:")
	w.tag(4, "class", "software")
	w.line(3, "macros:")
	for _, m := range macros {
		w.line(4, "- macro: %s", quote(m[0]))
		w.line(5, "value: %s", quote(m[1]))
		w.line(5, "description: %s", quote(m[2]))
	}
	return w.String()
}

func (w *writer) tag(depth int, tag, value string) {
	w.line(depth, "- tag: %s", tag)
	w.line(depth+1, "value: %s", value)
}

// source writes how a value comes in that no other item gives.
func (w *writer) source(depth int, every string) {
	if w.Trapper {
		w.line(depth, "type: TRAP")
		if w.Version == "6.0" {
			w.line(depth, "delay: '0'")
		}
		return
	}
	w.line(depth, "delay: %s", every)
}

// master writes the item that all others take their values from, with the trigger that it no longer comes.
func (w *writer) master() {
	w.line(4, "- uuid: %s", uuid("tcptrack.get"))
	w.line(5, "name: %s", quote("All values"))
	w.source(5, "1m")
	w.line(5, "key: tcptrack.get")
	w.line(5, "history: '0'")
	if w.Version == "6.0" {
		w.line(5, "trends: '0'")
	}
	w.line(5, "value_type: TEXT")
	w.line(5, "tags:")
	w.tag(6, "component", "raw")
	w.line(4, "- uuid: %s", uuid("tcptrack.source"))
	w.line(5, "name: %s", quote("Where the values come from"))
	w.dependent(5, item{key: "tcptrack.source", path: "$.source"}, "CHAR")
	w.triggers(5, "triggers", "tcptrack.source", &trigger{"nodata(/" + templateName + "/tcptrack.source,10m)=1", "tcptrack tells nothing", "AVERAGE",
		"Neither tcptrack serve nor this host's kernel was heard. Ask the agent for tcptrack.get; docs/zabbix.md says what it needs."})
}

// item writes a dependent item; prefix sets a prototype's identity apart, and is empty for others.
func (w *writer) item(depth int, prefix string, i item) {
	w.line(depth, "- uuid: %s", uuid(prefix+i.key))
	w.line(depth+1, "name: %s", quote(i.name))
	kind := ""
	if i.decimal {
		kind = "FLOAT"
	}
	w.dependent(depth+1, i, kind)
	list := "triggers"
	if prefix != "" {
		list = "trigger_prototypes"
	}
	w.triggers(depth+1, list, i.key, i.trigger)
}

func (w *writer) dependent(depth int, i item, kind string) {
	w.line(depth, "type: DEPENDENT")
	w.line(depth, "key: %s", quote(i.key))
	if w.Version == "6.0" {
		w.line(depth, "delay: '0'")
		if kind == "CHAR" {
			w.line(depth, "trends: '0'")
		}
	}
	if kind != "" {
		w.line(depth, "value_type: %s", kind)
	}
	if i.units != "" {
		w.line(depth, "units: %s", i.units)
	}
	w.line(depth, "preprocessing:")
	w.line(depth+1, "- type: JSONPATH")
	w.line(depth+2, "parameters:")
	w.line(depth+3, "- %s", quote(i.path))
	if i.serve || strings.Contains(i.path, "{#PORT}") { // a port may have left the list, and the kernel does not judge
		w.line(depth+2, "error_handler: DISCARD_VALUE")
	}
	if i.change {
		w.line(depth+1, "- type: CHANGE_PER_SECOND")
		w.line(depth+2, "parameters:")
		w.line(depth+3, "- ''")
	}
	w.line(depth, "master_item:")
	w.line(depth+1, "key: tcptrack.get")
	w.line(depth, "tags:")
	w.tag(depth+1, "component", "tcp")
}

func (w *writer) triggers(depth int, list, key string, t *trigger) {
	if t == nil {
		return
	}
	w.line(depth, "%s:", list)
	w.line(depth+1, "- uuid: %s", uuid("trigger of "+key))
	w.line(depth+2, "expression: %s", quote(t.expression))
	w.line(depth+2, "name: %s", quote(t.name))
	w.line(depth+2, "priority: %s", t.priority)
	w.line(depth+2, "description: %s", quote(t.about))
	w.line(depth+2, "tags:")
	w.tag(depth+3, "scope", "availability")
}

// discovery writes the rule that finds ports.
func (w *writer) discovery() {
	w.line(3, "discovery_rules:")
	w.line(4, "- uuid: %s", uuid("tcptrack.discovery"))
	w.line(5, "name: Ports")
	w.source(5, "10m")
	w.line(5, "key: tcptrack.discovery")
	w.line(5, "item_prototypes:")
	for _, i := range prototypes() {
		w.item(6, "prototype ", i)
	}
}
