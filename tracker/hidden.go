package tracker

// Hidden is what is believed of a close that may hide behind a shut window (DESIGN 2.1).
type Hidden uint8

const (
	HiddenNone Hidden = iota // no stall
	HiddenPossible
	HiddenLikely
	HiddenConfirmed
	HiddenExcluded
)

var hiddenNames = [...]string{"", "possible", "likely", "confirmed", "excluded"}

func (h Hidden) String() string { return hiddenNames[h] }
