package capture

import (
	"errors"
	"io/fs"
	"testing"
)

// The default route of the least metric is found, IPv4's before IPv6's.
func TestDefaultRoute(t *testing.T) {
	const v4 = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n" +
		"wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n" +
		"eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n" +
		"eth1\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
	const v6 = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n" +
		"00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth6\n"
	for _, c := range []struct{ v4, v6, want string }{{v4, v6, "eth0"}, {"", v6, "eth6"}, {"x\n", "", ""}, {"", "", ""}} {
		if got := defaultRoute(c.v4, c.v6); got != c.want {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
}

// What cannot be opened says which interfaces there are, or that the right is missing.
func TestLiveErrors(t *testing.T) {
	var unknown *NoInterfaceError
	if _, err := Live([]string{"lo", "nosuch0"}, LiveOptions{}); !errors.As(err, &unknown) || unknown.Name != "nosuch0" || len(unknown.Have) == 0 {
		t.Errorf("%v", err)
	}
	if _, err := Live(nil, LiveOptions{}); err == nil {
		t.Error("no interface is taken")
	}
	src, err := Live([]string{"lo"}, LiveOptions{})
	if err != nil {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%v", err)
		}
		t.Skip("needs root to capture")
	}
	src.Stop()
	src.Close()
	src.Stop()
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	if n, err := src.Read(nil); n != 0 || err != nil {
		t.Error(n, err)
	}
}
