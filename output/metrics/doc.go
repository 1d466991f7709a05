// Package metrics serves a census to Prometheus.
//
//	census.Census.Latest ──> Collector ──registry──> /metrics
//
// A scrape reads what the last round of the census has counted: it costs the tracker nothing. The series are bounded: by
// the ports that the census names, the states and the rules, never by clients or connections.
//
// Histograms are classic ones. Native ones would be finer, but are exposed in protobuf only, are stored by Prometheus
// before version 3 only behind a feature flag (Debian 12 has 2.42), and are not read by what reads the text format, Zabbix
// and Telegraf among them. Their buckets are set by what one looks for: keep-alive times, the breadth of a network.
package metrics
