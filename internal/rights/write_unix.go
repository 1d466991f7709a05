//go:build unix

package rights

import (
	"os"
	"slices"
	"syscall"
)

// MayWrite says that the user may make files in a directory that is open or can be reached, by its mode.
func (u User) MayWrite(directory string) bool {
	info, err := os.Stat(directory)
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	need := os.FileMode(0o3) // to write and to search, for others
	switch {
	case !ok || u.Root():
		return true
	case int(st.Uid) == u.UID:
		need <<= 6
	case int(st.Gid) == u.GID || slices.Contains(u.Groups, int(st.Gid)):
		need <<= 3
	}
	return info.Mode()&need == need
}
