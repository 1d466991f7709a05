package incident

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Config sets up a Keeper.
type Config struct {
	Ring        int    // octets of packets kept in memory
	Directory   string // where files are made; it is made if it is not there
	Level       anomaly.Severity
	Pre, Post   int64 // nanoseconds saved before what was found began, and after it was found
	Limit       int64 // octets of our files in the directory, the oldest going first
	Application string
	Say         func(string) // told at once what cannot be saved, in one line
}

// maxActive bounds the incidents whose packets are still being written; more are counted.
const maxActive = 1024

// Account is what a Keeper has done. Packets are counted once for each file.
type Account struct {
	Files     int    // made
	Packets   uint64 // written
	Short     int    // incidents of which the ring had lost the time before
	Unsaved   uint64 // packets of incidents that could not be written
	Crowded   int    // incidents not saved: too many at once
	Refused   uint64 // packets that the ring could not keep
	Removed   int    // files of ours that gave way to newer ones
	Err       error  // the first, of those that cost anything
	Directory string
}

// Keeper watches packets and findings, and saves incidents. It is used by one goroutine at a time.
type Keeper struct {
	cfg      Config
	ring     *Ring
	shelf    *shelf
	pending  []anomaly.Finding // of this batch
	awaited  map[uint64]*seen  // connections of pending findings; what was last known of those that have retired
	active   map[string]*incident
	ended    map[string]int64 // until when the incidents that are over had gone
	touched  []*incident      // with something to write, or to hand on
	byFlow   map[uint64][]*incident
	fresh    []uint64 // positions of this batch's packets of active incidents
	now      int64
	swept    int64 // when incidents were last looked through for those that are over
	dropped  uint64
	account  Account
	crowdSay bool
}

// New opens the directory and makes the ring.
func New(cfg Config) (*Keeper, error) {
	k := &Keeper{
		cfg: cfg, awaited: map[uint64]*seen{}, active: map[string]*incident{}, ended: map[string]int64{}, byFlow: map[uint64][]*incident{},
	}
	var err error
	if k.shelf, err = openShelf(cfg.Directory, cfg.Limit); err != nil {
		return nil, err
	}
	k.ring = NewRing(cfg.Ring)
	return k, nil
}

// HandTo makes the directory another user's, if New made it, so that root can go on as that user; one that was there
// stays whose it is.
func (k *Keeper) HandTo(uid, gid int) error {
	if !k.shelf.made {
		return nil
	}
	return bare(k.shelf.root.Chown(".", uid, gid))
}

// Record keeps a packet; it is a capture.Recorder. What is neither TCP nor a fragment belongs to no incident.
func (k *Keeper) Record(r *capture.Record, seg *tcp.Segment) {
	var hash uint64
	switch {
	case seg != nil:
		hash = k.ring.hash(&seg.Flow)
	case r.Fragment:
		hash = k.ring.hostsHash(r.A, r.B)
	default:
		return
	}
	k.now = max(k.now, r.Time)
	at := k.ring.push(r, hash)
	if len(k.active) > 0 && at != 0 && len(k.byFlow[hash]) > 0 {
		k.fresh = append(k.fresh, at)
	}
}

// Finding notes a finding, to be dealt with once its batch is tracked.
func (k *Keeper) Finding(f *anomaly.Finding) {
	if !k.concerns(f) {
		return
	}
	k.pending = append(k.pending, *f)
	last := &k.pending[len(k.pending)-1]
	last.Evidence = slices.Clone(f.Evidence)
	if _, ok := k.awaited[f.Conn]; !ok && !f.Population {
		k.awaited[f.Conn] = nil
	}
}

// concerns says that a finding begins an incident, or belongs to one.
func (k *Keeper) concerns(f *anomaly.Finding) bool {
	if f.Severity >= k.cfg.Level && f.Status != anomaly.Withdrawn {
		return true
	}
	return k.active[keyOf(f)] != nil
}

// keyOf names the incident that a finding belongs to: its connection's, or its own.
func keyOf(f *anomaly.Finding) string {
	if f.Population {
		return f.ID
	}
	return fmt.Sprintf("c%d", f.Conn)
}

// Connection notes the states of a connection that retires, if a finding waits for them.
func (k *Keeper) Connection(c *tracker.Connection) {
	if s, ok := k.awaited[c.Conn]; ok && s == nil {
		k.awaited[c.Conn] = &seen{StatesAtEnd(c), c.Start}
	}
}

// Settled deals with a batch that has been tracked: findings first, so that their packets are written with comments.
// dropped is what the capture has lost so far.
func (k *Keeper) Settled(dropped uint64) {
	k.dropped = dropped
	if len(k.pending) == 0 && len(k.fresh) == 0 && k.now-k.swept < int64(time.Second) {
		return
	}
	k.judge()
	k.write()
	if k.now-k.swept >= int64(time.Second) {
		k.sweep(k.now)
	}
}

// Close deals with the findings that came as the input ended, and ends all files.
func (k *Keeper) Close(dropped uint64) Account {
	k.dropped = dropped
	k.judge()
	k.write()
	k.sweep(math.MaxInt64)
	k.shelf.close()
	k.account.Refused = k.ring.refused
	k.account.Removed = k.shelf.removed
	k.account.Directory = k.cfg.Directory
	return k.account
}

// seen is what is known of a connection: its states and when it began; the zero value of one that nobody knows.
type seen struct {
	states States
	start  int64
}

// see looks a finding's connection up.
func (k *Keeper) see(f *anomaly.Finding) seen {
	if f.Population {
		return seen{}
	}
	if s := k.awaited[f.Conn]; s != nil {
		return *s
	}
	if v, ok := f.View(); ok {
		return seen{StatesOf(v), v.Start()}
	}
	return seen{}
}

// judge gives each finding of the batch to its incident.
func (k *Keeper) judge() {
	for i := range k.pending {
		f := &k.pending[i]
		key := keyOf(f)
		s := k.see(f)
		grave := f.Severity >= k.cfg.Level && f.Status != anomaly.Withdrawn
		x := k.active[key]
		if x == nil && grave {
			x = k.open(key, f, s.start)
		}
		if x == nil {
			continue
		}
		if grave {
			x.until = max(x.until, f.Time+k.cfg.Post)
		}
		x.note(f, s.states)
	}
	k.pending = k.pending[:0]
	clear(k.awaited)
}

// maxEnded bounds the incidents that are remembered after they are over.
const maxEnded = 1 << 16

// open begins an incident with what the ring holds of it, of a connection that began at start; nil if that cannot be.
// It begins before what was found began, which may be long before it was found, but not again with what an earlier file
// of the same holds.
func (k *Keeper) open(key string, f *anomaly.Finding, start int64) *incident {
	if len(k.active) >= maxActive {
		k.account.Crowded++
		if !k.crowdSay {
			k.crowdSay = true
			k.cfg.Say(fmt.Sprintf("more than %d incidents at once: those that come now are not saved", maxActive))
		}
		return nil
	}
	x := &incident{key: key, keeper: k, due: map[uint64][]string{}, told: map[string]told{}, dropped: k.dropped, until: math.MinInt64}
	if f.Population {
		x.flows = k.ring.flows(f.Evidence)
		slices.Sort(x.flows)
		x.flows = slices.Compact(x.flows)
	} else {
		flow, _ := tcp.MakeFlow(f.Client.Addr, f.Server.Addr, f.Client.Port, f.Server.Port, f.Client.V6)
		x.flows = []uint64{k.ring.hash(&flow), k.ring.hostsHash(flow.A, flow.B)}
	}
	from := min(f.Since, f.Time) - k.cfg.Pre
	if until, ok := k.ended[key]; ok {
		from = max(from, until+1)
	}
	for _, hash := range x.flows {
		x.begin = k.ring.find(x.begin, hash, from)
		k.byFlow[hash] = append(k.byFlow[hash], x)
	}
	slices.Sort(x.begin)
	x.short = k.ring.evicted > 0 && k.ring.gone >= from && k.ring.gone >= start
	k.active[key] = x
	x.touch()
	if x.short {
		k.account.Short++
	}
	x.create(f)
	return x
}

// write writes the batch's packets of incidents, with the comments that are due.
func (k *Keeper) write() {
	for _, x := range k.touched {
		x.start()
	}
	for _, at := range k.fresh {
		if !k.ring.holds(at) {
			k.account.Unsaved++ // a ring that holds no batch
			continue
		}
		for _, x := range k.byFlow[k.ring.hashAt(at)] {
			x.write(at)
		}
	}
	k.fresh = k.fresh[:0]
	for _, x := range k.touched {
		x.flush()
	}
	k.touched = k.touched[:0]
}

// sweep ends the incidents whose time is over.
func (k *Keeper) sweep(now int64) {
	k.swept = min(now, k.now)
	for key, x := range k.active {
		if x.until >= now {
			continue
		}
		x.finish()
		delete(k.active, key)
		if len(k.ended) == maxEnded {
			clear(k.ended)
		}
		k.ended[key] = x.until
		for _, hash := range x.flows {
			if list := slices.DeleteFunc(k.byFlow[hash], func(y *incident) bool { return y == x }); len(list) > 0 {
				k.byFlow[hash] = list
			} else {
				delete(k.byFlow, hash)
			}
		}
	}
}

// failed notes an error that cost something, and tells of the first of its kind.
func (k *Keeper) failed(name string, err error) {
	if k.account.Err == nil || !errors.Is(err, k.account.Err) && errors.Is(k.account.Err, errLimit) {
		k.account.Err = err
		k.cfg.Say(fmt.Sprintf("save %s: %v; what cannot be saved is counted", name, err))
	}
}
