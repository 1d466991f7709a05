package tracker

import "testing"

// TestWhysNeedNoEscaping: writers quote them as they are.
func TestWhysNeedNoEscaping(t *testing.T) {
	for _, why := range whys {
		for _, c := range why {
			if c < ' ' || c > '~' || c == '"' || c == '\\' {
				t.Errorf("%q has %q", why, c)
			}
		}
	}
}
