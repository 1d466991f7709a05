package anomaly

import "github.com/tcptrack/tcptrack/tracker"

// Rule is one finding: its manual, what wakes it, and its judge. The manual feeds explain, the table in
// docs/findings.md, JSON and the help of the metrics from this one place.
type Rule struct {
	Code      string   // kebab-case, for ever
	Title     string   // in half a line
	Severity  Severity // at the first; some rise with time
	Culprits  string   // whom it blames, and when
	Evidence  string   // what is seen
	Threshold string   // and where that number is from
	Cause     string
	Remedy    string // what to do, on which host
	NotWhen   string // what it must not be confused with
	RFC       string // document and section

	Absence bool // it rests on packets that did not come: the capture may have lost them

	Limits []Limit // thresholds that can be set
	Wakes  tracker.FactKind
	Resets reading // if Wakes has Reset: those that the judge takes, 0 for all
	New    func(Limits) Judge
}

// Limit is a threshold with its default.
type Limit struct {
	Name    string  // lower case, as in the rules file
	Default float64 // seconds, or a count, or per cent
	Unit    string  // "s", "" or "%"
	What    string
}

// Limits are the thresholds of one rule, by name.
type Limits map[string]float64

// Seconds returns a threshold in capture nanoseconds.
func (l Limits) Seconds(name string) int64 { return int64(l[name] * 1e9) }

// Count returns a threshold that is a number.
func (l Limits) Count(name string) int { return int(l[name]) }

// Judge is a rule at work.
type Judge interface {
	// Fact takes a fact of a kind in the rule's Wakes and, of a RST, of a reading in its Resets; Moved and Ended only of
	// connections that it follows: see Bench.Follow.
	Fact(b *Bench, f *tracker.Fact)
	// Wake takes an alarm that the judge asked for with Bench.WakeAt.
	Wake(b *Bench, a Alarm)
}

// Rules lists all rules in the order of the manual.
var Rules = []*Rule{
	&ZeroWindow,
	&FinWait1ZeroWindow,
	&FINUnacked,
	&CloseWaitStuck,
	&FinWait2Stuck,
	&SYNUnanswered,
	&ConnectionRefused,
	&AcceptQueueOverflow,
	&HalfOpen,
	&DataAfterClose,
	&AbortiveClose,
	&KeepaliveTimeout,
	&PeerUnresponsive,
	&RetransmissionStorm,
	&MTUBlackhole,
	&BlindReset,
	&BlindSYN,
	&ResetInjection,
	&BadChecksum,
	&TimeWaitAssassination,
	&PortReuse,
	&SimultaneousOpen,
	&SimultaneousClose,
	&CaptureLoss,
	&CaptureDuplicates,
	&OneWayCapture,
	&ChecksumOffload,
	&SYNFlood,
	&PortScan,
	&CloseWaitPileup,
	&FinWait1Pileup,
	&TimeWaitPileup,
	&SYNRecvPileup,
	&ZeroWindowFarm,
}

// Find returns the rule with that code, nil if there is none.
func Find(code string) *Rule {
	for _, r := range Rules {
		if r.Code == code {
			return r
		}
	}
	return nil
}
