package rights

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
)

// ErrStays says that root may not become another user, as in a container that leaves it no right to.
var ErrStays = errors.New("root may not become another user here")

// User is whom a process becomes.
type User struct {
	Name     string
	UID, GID int
	Groups   []int
}

func (u User) String() string {
	if u.Name != "" {
		return u.Name
	}
	return strconv.Itoa(u.UID)
}

// Root says that it is no drop at all.
func (u User) Root() bool { return u.UID == 0 }

// overflow is the number of whom Linux calls nobody, whatever the system's list of users says.
const overflow = 65534

// Invoker is who called for root: by sudo or pkexec, as the environment says, else nobody. getenv is os.Getenv.
func Invoker(getenv func(string) string) User {
	for _, key := range []string{"SUDO_UID", "PKEXEC_UID"} {
		uid, err := strconv.ParseUint(getenv(key), 10, 31)
		if err != nil || uid == 0 {
			continue
		}
		u := User{UID: int(uid), GID: overflow}
		if known, err := user.LookupId(getenv(key)); err == nil {
			u.Name = known.Username
			u.GID, _ = strconv.Atoi(known.Gid)
		}
		if gid, err := strconv.ParseUint(getenv("SUDO_GID"), 10, 31); err == nil && key == "SUDO_UID" && gid != 0 {
			u.GID = int(gid)
		}
		u.Groups = []int{u.GID}
		return u
	}
	if u, err := Named("nobody"); err == nil {
		return u
	}
	return User{Name: "nobody", UID: overflow, GID: overflow, Groups: []int{overflow}}
}

// Named looks a user up, by name or number, with the group that is first for it.
func Named(name string) (User, error) {
	known, err := user.Lookup(name)
	if err != nil {
		if _, bad := strconv.ParseUint(name, 10, 31); bad == nil {
			known, err = user.LookupId(name)
		}
	}
	if err != nil {
		return User{}, fmt.Errorf("rights: %s: no such user", name)
	}
	uid, err1 := strconv.Atoi(known.Uid)
	gid, err2 := strconv.Atoi(known.Gid)
	if err1 != nil || err2 != nil {
		return User{}, fmt.Errorf("rights: %s: user %s and group %s are no numbers", name, known.Uid, known.Gid)
	}
	return User{Name: known.Username, UID: uid, GID: gid, Groups: []int{gid}}, nil
}
