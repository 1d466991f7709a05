//go:build unix && !linux

package rights

import (
	"fmt"
	"os"
	"syscall"
)

// Drop makes the process another user, for good; one that is not root stays who it is.
func (t *Thread) Drop(to User, _ ...Capability) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if err := syscall.Setgroups(to.Groups); err != nil {
		return fmt.Errorf("rights: groups of %s: %w: %w", to, ErrStays, err)
	}
	if err := syscall.Setgid(to.GID); err != nil {
		return fmt.Errorf("rights: group of %s: %w", to, err)
	}
	if err := syscall.Setuid(to.UID); err != nil {
		return fmt.Errorf("rights: user %s: %w", to, err)
	}
	return nil
}
