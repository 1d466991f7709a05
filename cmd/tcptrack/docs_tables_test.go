package main

import (
	"fmt"
	"strings"

	"github.com/tcptrack/tcptrack/output/metrics"
	"github.com/tcptrack/tcptrack/output/zabbix"
)

// metricsTable lists the metrics, from their descriptors.
func metricsTable() string {
	var b strings.Builder
	b.WriteString("| metric | kind | labels | what it says |\n|---|---|---|---|\n")
	for _, d := range metrics.Descriptors() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Name, d.Kind, strings.Join(d.Labels, ", "), d.Help)
	}
	return b.String()
}

// agentKeyTable lists the keys of a Zabbix agent.
func agentKeyTable() string {
	var b strings.Builder
	b.WriteString("| key | value | from |\n|---|---|---|\n")
	for _, k := range zabbix.Keys {
		from := "serve or kernel"
		if k.Serve {
			from = "serve"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Form, k.What, from)
	}
	return b.String()
}
