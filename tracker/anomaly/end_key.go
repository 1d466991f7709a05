package anomaly

import "github.com/tcptrack/tcptrack/tracker"

// endKey names one end of one connection, for maps: the connection's number and the side in one.
type endKey uint64

func endOf(conn uint64, side tracker.Side) endKey { return endKey(conn<<1 | uint64(side)) }

func (k endKey) conn() uint64 { return uint64(k >> 1) }

func (k endKey) side() tracker.Side { return tracker.Side(k & 1) }

// other is the connection's other end.
func (k endKey) other() endKey { return k ^ 1 }
