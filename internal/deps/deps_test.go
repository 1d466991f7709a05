// Package deps holds the packages to the table of what may import what: packets in, facts out, opinions last, paint
// at the end.
package deps

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tcptrack/tcptrack"

// allowed says what a package may import beside the standard library. A trailing /... stands for all below, of the
// importer as of the imported; of several rows for one importer the first counts. Imports within ourselves are written
// without the module's name.
var allowed = []struct {
	importer string
	imports  []string
	why      string
}{
	{"internal/tcp", nil, "the nouns know nothing else"},
	{"internal/trace", []string{"internal/tcp"}, "a trace is segments and states as text"},
	{"reassembly", []string{"internal/tcp"}, "bytes are accounted for without a word of states"},
	{"tracker", []string{"internal/tcp", "reassembly"}, "states come from segments alone: no clock, no file, no cgo"},
	{"tracker/anomaly", []string{"internal/tcp", "reassembly", "tracker"}, "a judgement never reads packets"},
	{"capture/...", []string{"capture/...", "internal/tcp", "github.com/google/gopacket/...", "golang.org/x/sys/...", "golang.org/x/net/bpf", "github.com/klauspost/compress/..."},
		"gopacket stays here: what is above sees segments only"},
	{"internal/nettest", nil, "tests alone: no other package of ours but in its tests"},
	{"internal/rights", []string{"golang.org/x/sys/unix"}, "what the process may do, whatever it does"},
	{"internal/sockets", []string{"internal/tcp", "github.com/vishvananda/netlink/..."}, "the local kernel's word"},
	{"internal/query", []string{"internal/tcp", "tracker", "tracker/anomaly"}, "selection looks at results"},
	{"internal/pipeline", []string{"internal/tcp", "capture", "tracker", "tracker/anomaly"}, "shared by all commands, bound to no format"},
	{"internal/incident", []string{"internal/tcp", "capture", "tracker", "tracker/anomaly"}, "packets kept until a judgement asks for them"},
	{"internal/check", []string{"internal/pipeline", "internal/query", "internal/tcp", "capture", "tracker", "tracker/anomaly", "github.com/goccy/go-yaml/..."}, "expectations see results, not formats"},
	{"tracker/tracktest", []string{"internal/pipeline", "internal/query", "internal/tcp", "internal/trace", "capture", "tracker", "tracker/anomaly"}, "what tests see is what the commands see"},
	{"output/stats/days", []string{"output", "github.com/RoaringBitmap/roaring/v2/...", "github.com/gomodule/redigo/redis"}, "bitmaps of days stay here"},
	{"output/web", []string{"output", "output/jsonl", "internal/tcp", "internal/query", "tracker", "tracker/anomaly"}, "the page and its API speak the same JSON as everything"},
	{"output/metrics", []string{"output/census", "internal/tcp", "tracker", "tracker/anomaly", "github.com/prometheus/client_golang/..."}, "Prometheus' client stays here"},
	{"output/zabbix", []string{"output/census", "internal/tcp", "tracker", "tracker/anomaly"}, "the agent's keys read a census"},
	{"output/tui", []string{"output", "output/ladder", "internal/tcp", "internal/query", "tracker", "tracker/anomaly", "charm.land/bubbletea/v2"}, "the screen's library stays here, but for the command that runs it"},
	{"output/draw", []string{"output", "output/ladder", "tracker"}, "a painter sees the model alone"},
	{"output/report", []string{"output", "output/draw", "output/ladder", "output/story", "output/web", "internal/tcp", "tracker", "tracker/anomaly"}, "a page of what the others paint"},
	{"output/story", []string{"output", "output/ladder", "output/draw", "internal/tcp", "tracker", "tracker/anomaly"}, "the story of a connection has its ladder"},
	{"output/...", []string{"output", "internal/tcp", "internal/trace", "internal/query", "tracker", "tracker/anomaly"}, "formats show and do not read packets"},
	{"cmd/tcptrack", []string{"capture", "internal/...", "reassembly", "tracker/...", "output/...", "github.com/spf13/cobra/...", "github.com/spf13/pflag", "github.com/goccy/go-yaml/...", "golang.org/x/term", "charm.land/bubbletea/v2", "github.com/charmbracelet/colorprofile"},
		"the command line ties all together"},
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir string
	Imports         []string
	GoFiles         []string
	CgoFiles        []string
}

// list asks go list, with every build tag that adds imports.
func list(t *testing.T) (packages []listed) {
	t.Helper()
	for _, tags := range []string{"", "libpcap"} {
		cmd := exec.Command("go", "list", "-e", "-pgo=off", "-json=ImportPath,Dir,Imports,GoFiles,CgoFiles", "-tags="+tags, "./...")
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for d := json.NewDecoder(strings.NewReader(string(out))); ; {
			var p listed
			if err := d.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			packages = append(packages, p)
		}
	}
	return packages
}

func matches(pattern, path string) bool {
	prefix, all := strings.CutSuffix(pattern, "/...")
	return path == prefix || all && strings.HasPrefix(path, prefix+"/")
}

func TestImports(t *testing.T) {
	for _, p := range list(t) {
		importer := strings.TrimPrefix(p.ImportPath, module+"/")
		row := slices.IndexFunc(allowed, func(r struct {
			importer string
			imports  []string
			why      string
		}) bool {
			return matches(r.importer, importer)
		})
		for _, path := range p.Imports {
			imported, ours := strings.CutPrefix(path, module+"/")
			if !ours && !strings.Contains(strings.SplitN(path, "/", 2)[0], ".") {
				continue // the standard library
			}
			if row < 0 {
				t.Errorf("%s imports %s, and is not in the table of imports", importer, path)
			} else if !slices.ContainsFunc(allowed[row].imports, func(a string) bool { return matches(a, imported) }) {
				t.Errorf("%s imports %s: %s", importer, path, allowed[row].why)
			}
		}
	}
}

// mayReadClock are the files below cmd/ that may know the wall clock: sources that wait.
var mayReadClock = []string{"capture/files.go", "capture/live_linux.go", "capture/live_pcap.go", "capture/mouth_pcap.go", "capture/rings_linux.go", "capture/rings_merge_linux.go"}

// Time is an argument: the wall clock is read by the command and by the sources that wait, nowhere else.
func TestClock(t *testing.T) {
	clock := regexp.MustCompile(`\btime\.(Now|Since|Until|Sleep|After|Tick|NewTimer|NewTicker|AfterFunc)\b`)
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, file := range slices.Concat(p.GoFiles, p.CgoFiles) {
			if strings.HasPrefix(name, "cmd/") || slices.Contains(mayReadClock, name+"/"+file) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if at := clock.Find(text); at != nil {
				t.Errorf("%s/%s reads the clock: %s", name, file, at)
			}
		}
	}
}
