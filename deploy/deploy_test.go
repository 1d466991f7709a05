// Package deploy holds what packs tcptrack: its tests pack it and use what came of that.
package deploy

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// run runs a command and returns what it prints; a failure ends the test.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// static builds the program of the Dockerfile: without cgo, for any Linux.
func static(t *testing.T) (program string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("packages are for Linux")
	}
	program = filepath.Join(t.TempDir(), "tcptrack")
	run(t, []string{"CGO_ENABLED=0"}, "go", "build", "-ldflags", "-s -w -X main.version=packed", "-o", program, "../cmd/tcptrack")
	return program
}

// files are those of the package, but for the manual pages of sub-commands and the documents, with their modes.
const files = `
-rwxr-x--- ./usr/bin/tcptrack
-rw-r--r-- ./usr/lib/systemd/system/tcptrack.service
-rw-r--r-- ./usr/share/bash-completion/completions/tcptrack
-rw-r--r-- ./usr/share/doc/tcptrack-go/CHANGELOG.md.gz
-rw-r--r-- ./usr/share/doc/tcptrack-go/changelog.gz
-rw-r--r-- ./usr/share/doc/tcptrack-go/copyright
-rw-r--r-- ./usr/share/doc/tcptrack-go/examples/grafana/tcptrack.json
-rw-r--r-- ./usr/share/doc/tcptrack-go/examples/prometheus/alerts.yml
-rw-r--r-- ./usr/share/doc/tcptrack-go/examples/prometheus/alerts_test.yml
-rw-r--r-- ./usr/share/doc/tcptrack-go/examples/zabbix/tcptrack.conf
-rw-r--r-- ./usr/share/fish/vendor_completions.d/tcptrack.fish
-rw-r--r-- ./usr/share/lintian/overrides/tcptrack-go
-rw-r--r-- ./usr/share/man/man1/tcptrack.1.gz
-rw-r--r-- ./usr/share/zsh/vendor-completions/_tcptrack
`

// The package holds what it should, with the right modes and owners, and what is in it works.
func TestDeb(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("needs dpkg-deb")
	}
	program := static(t)
	pack := func(env ...string) string {
		env = append(env, "VERSION=1.2.3", "SOURCE_DATE_EPOCH=1700000000", "COMPRESSION=none") // quick
		return strings.TrimSpace(run(t, env, "deb/build.sh", program, t.TempDir()))
	}
	deb := pack()
	if name := filepath.Base(deb); !regexp.MustCompile(`^tcptrack-go_1\.2\.3_[a-z0-9]+\.deb$`).MatchString(name) {
		t.Error(name)
	}

	t.Run("same again", func(t *testing.T) {
		first, err := os.ReadFile(deb)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := os.ReadFile(pack("TZ=Asia/Tokyo", "LC_ALL=C.UTF-8")); err != nil || !bytes.Equal(first, second) {
			t.Errorf("packed twice it is not the same: %v", err)
		}
	})

	t.Run("contents", func(t *testing.T) {
		var got []string
		commands, documents := 0, 0
		pages, err := filepath.Glob("../docs/*.md")
		if err != nil || len(pages) == 0 {
			t.Fatal(err)
		}
		for line := range strings.Lines(run(t, []string{"TZ=UTC"}, "dpkg-deb", "-c", deb)) {
			f := strings.Fields(line) // mode, owner, size, date, time, name
			if f[1] != "root/root" || f[3]+" "+f[4] != "2023-11-14 22:13" {
				t.Errorf("owner or time: %s", line)
			}
			switch {
			case f[0][0] == 'd':
			case strings.HasPrefix(f[5], "./usr/share/man/man1/tcptrack-"):
				commands++
			case slices.Contains(pages, "../docs/"+strings.TrimPrefix(f[5], "./usr/share/doc/tcptrack-go/")):
				documents++
			default:
				got = append(got, f[0]+" "+f[5])
			}
		}
		if text := "\n" + strings.Join(got, "\n") + "\n"; text != files || commands < 6 || documents != len(pages) {
			t.Errorf("it holds%s and %d pages of sub-commands, %d documents of %d", text, commands, documents, len(pages))
		}
	})

	t.Run("control", func(t *testing.T) {
		for field, want := range map[string]string{
			"Package": "tcptrack-go", "Version": "1.2.3", "Conflicts": "tcptrack", "Depends": "adduser, libcap2-bin", "Section": "net", "Priority": "optional",
		} {
			if got := strings.TrimSpace(run(t, nil, "dpkg-deb", "-f", deb, field)); got != want {
				t.Errorf("%s: %q, not %q", field, got, want)
			}
		}
		if fields := run(t, nil, "dpkg-deb", "-f", deb); strings.Contains(fields, "@") && !strings.Contains(fields, "<tcptrack@") || strings.Count(fields, "@") > 1 {
			t.Errorf("something is not filled in:\n%s", fields)
		}
		scripts := t.TempDir()
		run(t, nil, "dpkg-deb", "-e", deb, scripts)
		for _, name := range []string{"postinst", "prerm", "postrm"} {
			run(t, nil, "sh", "-n", filepath.Join(scripts, name))
		}
	})

	t.Run("unpacked", func(t *testing.T) { unpacked(t, deb) })
	t.Run("lintian", func(t *testing.T) {
		if _, err := exec.LookPath("lintian"); err != nil {
			t.Skip("needs lintian")
		}
		run(t, nil, "lintian", "--allow-root", "--fail-on", "error,warning", deb)
	})
	t.Run("installed", func(t *testing.T) { installed(t, deb) })
}

// The service has the package's group and a user of another name: systemd.exec(5), DynamicUser=, takes no dynamic user
// where a group has its name. Without User= the unit's name is taken.
func TestService(t *testing.T) {
	said := map[string]string{}
	for name, file := range map[string]string{"unit": "systemd/tcptrack.service", "install": "deb/postinst"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		said[name] = string(text)
	}
	value := func(text, pattern string) string {
		if m := regexp.MustCompile(`(?m)^\s*` + pattern + `(\S+)$`).FindStringSubmatch(text); m != nil {
			return m[1]
		}
		return ""
	}
	group := value(said["install"], "addgroup .*--system ")
	if got := value(said["unit"], "Group="); group == "" || got != group {
		t.Errorf("it runs in the group %q, and the package makes %q", got, group)
	}
	if user := value(said["unit"], "User="); value(said["unit"], "DynamicUser=") != "yes" || user == "" || user == group {
		t.Errorf("its user is %q, and there is a group %q", user, group)
	}
}

// unpacked tries what is in the package.
func unpacked(t *testing.T, deb string) {
	root := t.TempDir()
	run(t, nil, "dpkg-deb", "-x", deb, root)
	if said := run(t, nil, filepath.Join(root, "usr/bin/tcptrack"), "version"); !strings.HasPrefix(said, "tcptrack packed\n") {
		t.Error(said)
	}
	if said := run(t, nil, filepath.Join(root, "usr/bin/tcptrack"), "read", "../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz"); !strings.Contains(said, "zero-window-stall") {
		t.Error(said)
	}
	if page := unzip(t, filepath.Join(root, "usr/share/man/man1/tcptrack.1.gz")); !strings.Contains(page, `.TH "TCPTRACK" "1" "Nov 2023"`) {
		t.Errorf("the manual page begins with %.100q", page)
	}
	for shell, file := range map[string]string{
		"bash": "bash-completion/completions/tcptrack", "zsh": "zsh/vendor-completions/_tcptrack", "fish": "fish/vendor_completions.d/tcptrack.fish",
	} {
		path := filepath.Join(root, "usr/share", file)
		if text, err := os.ReadFile(path); err != nil || !bytes.Contains(text, []byte("tcptrack")) {
			t.Errorf("%s: %v", file, err)
		}
		if _, err := exec.LookPath(shell); err == nil {
			run(t, nil, shell, "-n", path)
		}
	}
	if _, err := exec.LookPath("systemd-analyze"); err == nil {
		unit := filepath.Join(root, "usr/lib/systemd/system/tcptrack.service")
		out, _ := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			// The program is not where the unit says before the package is installed.
			if strings.Contains(line, "tcptrack.service") && !strings.Contains(line, "is not executable: No such file") {
				t.Errorf("systemd-analyze: %s", line)
			}
		}
	}
}

func unzip(t *testing.T, name string) string {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if !z.ModTime.IsZero() {
		t.Errorf("%s says when it was packed", name)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// installed installs, uses, upgrades, removes and purges it in a copy of this system.
func installed(t *testing.T, deb string) {
	if os.Getuid() != 0 {
		t.Skip("needs root for a copy of this system to install it in")
	}
	out, err := exec.Command("unshare", "--mount", "--net", "deb/try.sh", deb).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 77 {
		t.Skipf("no copy of this system to install it in: %s", out)
	}
	if err != nil || !strings.Contains(string(out), "installed, used, upgraded, removed") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The image of the Dockerfile holds one file, so that must need no other: no loader, no library, no /etc, no /tmp.
func TestScratch(t *testing.T) {
	program := static(t)
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if libraries, err := f.ImportedLibraries(); err == nil && len(libraries) > 0 {
		t.Errorf("it needs %v", libraries)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it needs a loader")
		}
	}
	if os.Getuid() != 0 {
		t.Skip("needs root to run it where nothing else is")
	}
	image := filepath.Dir(program)
	capture, err := os.Open("../testdata/pcaps/refused/c.pcap.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer capture.Close()
	cmd := exec.Command("chroot", image, "/tcptrack", "read", "-")
	cmd.Stdin = capture
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "connection-refused") {
		t.Errorf("%v\n%s", err, out)
	}
}
