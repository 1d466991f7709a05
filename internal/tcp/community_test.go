package tcp

import (
	"net/netip"
	"testing"
)

// The TCP vectors that come with the specification (corelight/community-id-spec, baseline/) and with its reference
// implementation in Python.
func TestCommunityID(t *testing.T) {
	for _, v := range []struct{ a, b, id string }{
		{"128.232.110.120:34855", "66.35.250.204:80", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"10.0.0.1:10", "10.0.0.2:11569", "1:SXBGMX1lBOwhhoDrZynfROxnhnM="},
		{"[2001:470:e5bf:dead:4957:2174:e82c:4887]:63943", "[2607:f8b0:400c:c03::1a]:25", "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
	} {
		a, b := EndpointFrom(netip.MustParseAddrPort(v.a)), EndpointFrom(netip.MustParseAddrPort(v.b))
		for _, ends := range [][2]Endpoint{{a, b}, {b, a}} {
			if id := string(AppendCommunityID(nil, ends[0], ends[1])); id != v.id {
				t.Errorf("%v to %v is %s, want %s", ends[0], ends[1], id, v.id)
			}
		}
	}
	room := make([]byte, 0, 64)
	a, b := EndpointFrom(netip.MustParseAddrPort("[fe80::1]:80")), EndpointFrom(netip.MustParseAddrPort("[fe80::1]:81"))
	if n := testing.AllocsPerRun(100, func() { AppendCommunityID(room, a, b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	// An IPv6 address in which an IPv4 address is mapped is IPv6 on the wire.
	mapped, plain := Endpoint{AddrFrom4(1), 80, true}, Endpoint{AddrFrom4(1), 80, false}
	if string(AppendCommunityID(nil, mapped, mapped)) == string(AppendCommunityID(nil, plain, plain)) {
		t.Error("a mapped address is taken for IPv4")
	}
}
