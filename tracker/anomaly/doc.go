// Package anomaly judges: rules over the tracker's facts, one file a finding; it never changes a state.
//
//	tracker.Tracker ──facts──> Bench ──> Judge of each rule that subscribed ──> Finding ──> Sink
//
// A Rule is data, its manual first, and makes a Judge. The Bench wakes a Judge with the kinds of facts that it
// subscribed to and with alarms that it asked for, in order of capture time, and keeps the findings that are open:
// one for each rule, connection and side. A finding that changes is told again under the same ID. Judges remember
// only connections that gave them reason to, within a bound.
//
// One goroutine, the tracker's. No clock is read: time is the capture's.
package anomaly
