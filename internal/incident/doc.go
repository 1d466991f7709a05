// Package incident keeps the last packets in memory, and saves those of a connection once a finding says that it went
// wrong: from before the incident until after it, in one pcapng file whose comments carry the verdict.
//
//	packets ──> Ring ──────────────┐
//	findings ──> Keeper ──────────> a file for each incident, in one directory of bounded size
//
// Packets are copied once, into one flat buffer; what is in it is found by connection. A Keeper is called by the
// goroutine of the pipeline: for each packet, for each event, and once the batch that they belong to has been tracked,
// which is when states are looked up and files written.
//
// No clock is read: time is the packets'. Files are made within a directory that was opened at the beginning, under names
// of our own making.
package incident
