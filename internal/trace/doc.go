// Package trace holds traces as text, read and written: segments and what is expected of the ends, a line each.
//
// The language has packetdrill's spirit and a line scanner's grammar. A file begins with its story:
//
//	# RFC 9293 figure 13: simultaneous close. The two FINs cross.
//	A=10.0.0.1:4000                                          a name for an endpoint; A to Z have defaults
//	origin 2026-10-06T12:00:00Z                              what times count from; a fixed instant otherwise
//	1.000 A > B: F. 100:110(10) ack 300 win 512 <ts 7 9>     a segment
//	= FIN_WAIT1 CLOSE_WAIT?                                  states expected now, of A and of B
//	! fin-unacked network                                    a finding that must have been raised by now
//	!- half-open                                             a finding that must not have been raised by now
//	!! none                                                  exactly these findings (here none) by now
//	@ +120s                                                  time passes without a packet
//	gap                                                      the capture lost packets here
//
// A segment is TIME SENDER > RECEIVER: FLAGS SEQ:END(LEN), then in any order: ack N, win N (the raw field),
// <mss N,wscale N,sackOK,ts VAL ECR,sack LO-HI LO-HI,tfo N,mptcp N,uto,md5,ao,broken>, urg N, id N, ttl N, badsum,
// partsum, nosum, goodsum, snap [N], num N, vlan N[.M], iplen N, beyond N (octets of these for which the frame had no
// room by its own length). Times are seconds with up to nine decimals. Numbers are absolute and wrap; END is SEQ+LEN, as
// tcpdump has it: SYN and FIN do not count. What is absent: id counts up from 1 for each sender, ttl is 64, the checksum
// is good (unknown with snap), num is one more than the last, iplen is what headers, options and payload come to. An
// address may stand in the place of a name.
//
// An expected state is STATE, proven and alone possible; STATE? is presumed; STATE{X,Y} has X and Y possible beside it,
// STATE{*} whatever, proven or presumed; - is not checked. The states are those of the latest segment's ends, in the order in which these
// were first named in the file; = C D: STATE STATE names another pair.
//
// Parse is for tests and may allocate; a Writer allocates only for endpoints that it has not named before. Neither
// is safe for concurrent use. The package decodes no packets and knows nothing of what findings and states mean.
package trace
