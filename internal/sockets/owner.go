package sockets

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Owner is the process that has a socket open. Of several, as after a fork, it is the one met first.
type Owner struct {
	PID     int    // 0: not known
	Command string // its name as the kernel has it, at most 15 octets, which the process itself may have chosen
	Denied  bool   // nobody was found, and /proc did not show the files of every process
}

// maxFiles bounds the open files that one look through /proc reads: about a second's work.
const maxFiles = 1 << 18

// Owners looks through a /proc.
type Owners struct {
	Proc   string // "/proc" if empty
	files  int
	denied bool
}

// Find returns the owners of the sockets with these inodes, none of which is 0. One that is found nowhere is in the
// answer all the same.
func (o *Owners) Find(inodes []uint32) map[uint32]Owner {
	found := make(map[uint32]Owner, len(inodes))
	wanted := make(map[string]uint32, len(inodes))
	for _, n := range inodes {
		wanted["socket:["+strconv.FormatUint(uint64(n), 10)+"]"] = n
	}
	o.files, o.denied = 0, false
	root := o.Proc
	if root == "" {
		root = "/proc"
	}
	o.walk(root, wanted, found)
	for _, n := range wanted {
		found[n] = Owner{Denied: o.denied}
	}
	return found
}

// walk moves what it finds from wanted to found.
func (o *Owners) walk(root string, wanted map[string]uint32, found map[uint32]Owner) {
	proc, err := os.Open(root)
	if err != nil {
		o.denied = true
		return
	}
	defer proc.Close()
	for {
		names, err := proc.Readdirnames(256)
		for _, name := range names {
			pid, err := strconv.Atoi(name)
			if err != nil || pid <= 0 {
				continue
			}
			if len(wanted) == 0 {
				return
			}
			if o.files >= maxFiles {
				o.denied = true
				return
			}
			o.process(filepath.Join(root, name), pid, wanted, found)
		}
		if err != nil { // the end; a process that ended meanwhile is no error
			return
		}
	}
}

func (o *Owners) process(dir string, pid int, wanted map[string]uint32, found map[uint32]Owner) {
	fds, err := os.Open(filepath.Join(dir, "fd"))
	if err != nil {
		o.denied = o.denied || os.IsPermission(err)
		return
	}
	defer fds.Close()
	for o.files < maxFiles && len(wanted) > 0 {
		names, err := fds.Readdirnames(256)
		o.files += len(names)
		for _, name := range names {
			link, err := os.Readlink(filepath.Join(dir, "fd", name))
			if err != nil {
				o.denied = o.denied || os.IsPermission(err)
				continue
			}
			n, ok := wanted[link]
			if !ok {
				continue
			}
			found[n] = Owner{PID: pid, Command: command(dir)}
			delete(wanted, link)
		}
		if err != nil {
			o.denied = o.denied || os.IsPermission(err)
			return
		}
	}
}

func command(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, "comm"))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(text), "\n")
}
