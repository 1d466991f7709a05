package tracker

// losses are the packets that the capture lost, as it knows itself.
type losses struct {
	some bool
	at   int64 // when the latest were lost, at the latest; meaningful iff some
}

// Lost says that the capture lost packets, none stamped later than at, of whichever connections: an end of which nothing
// has been seen since may have sent what moved it.
func (t *Tracker) Lost(at int64) { t.losses = losses{true, max(at, t.losses.at)} }

// since says that packets were lost at or after a time.
func (l *losses) since(at int64) bool { return l.some && at <= l.at }
