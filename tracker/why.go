package tracker

// cause is what last changed an endpoint: an event proven, presumed or retracted, or one of the few that no event tells.
type cause uint8

const (
	causeProven    cause = 0
	causePresumed  cause = numEvents
	causeRetracted cause = 2 * numEvents
)

const (
	causeJoined   cause = 3*numEvents + iota // first seen in the middle
	causeStalled                             // a close may wait behind what it sent
	causeRested                              // nothing holds a FIN back any more
	causeCrossed                             // its FIN left before the peer's arrived
	causeExpired                             // a timer that no packet shows
	causeNarrowed                            // it sent what some of its possible states cannot
	causeGivenUp                             // the end of the input found it past its last retry
	causeRevived                             // the RST in its name was not its own
	causeKernel                              // its kernel says so

	numCauses = iota + 3*numEvents
)

var eventNames = [numEvents]string{
	sndSYN: "SYN sent", sndSYNACK: "SYN-ACK sent", sndData: "data sent", sndFIN: "FIN sent", sndRST: "RST sent",
	rcvSYN: "SYN received", rcvSYNACK: "SYN-ACK received", rcvACKofSYN: "ACK of its SYN received",
	rcvFIN: "FIN received", rcvACKofFIN: "ACK of its FIN received", rcvRST: "RST received",
}

// whys are the causes in words, for Transition.Why.
var whys = func() (w [numCauses]string) {
	for on, name := range eventNames {
		w[on] = name
		w[causePresumed+cause(on)] = name + ", presumed"
		w[causeRetracted+cause(on)] = name + ": taken back"
	}
	w[causeJoined] = "seen in mid-connection"
	w[causeStalled] = "a close may wait behind unacknowledged data"
	w[causeRested] = "nothing waits: a close would have been seen"
	w[causeCrossed] = "FIN sent before the peer's was received"
	w[causeExpired] = "a timer may have ended it"
	w[causeNarrowed] = "data sent: some states are excluded"
	w[causeGivenUp] = "its host may have given up"
	w[causeRevived] = "it speaks on: the RST was not its own"
	w[causeKernel] = "its kernel says so"
	return w
}()
