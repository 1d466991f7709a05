package days

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

// Redis is a Store of plain bitmaps in a Redis server, for BITCOUNT and BITOP of one's own:
//
//	tcptrack:seen:20261122, tcptrack:finding:20261122   a bit for each client (SETBIT)
//	tcptrack:ids        client -> its bit, a hash       tcptrack:clients   bit -> client, a hash
//	tcptrack:next       the next free bit               tcptrack:days      the days, a set, as 20261122
//
// Bits are given out in order, so that a key has about as many as there are clients: with the address itself for a bit
// each key would take half a gigabyte. It is safe for several processes at once, not for several goroutines.
type Redis struct{ conn redis.Conn }

const (
	keyIDs     = "tcptrack:ids"
	keyClients = "tcptrack:clients"
	keyNext    = "tcptrack:next"
	keyDays    = "tcptrack:days"

	redisDate = "20060102"
)

// Bounds on what is asked of a server, and on what it may answer.
const (
	redisBatch   = 1000     // commands on their way
	maxRedisKey  = 32 << 20 // octets of one bitmap: 268 million clients
	redisConnect = 5 * time.Second
	redisAnswer  = 30 * time.Second
)

// ConnectError is of a server that cannot be reached or does not let in; its text has no password.
type ConnectError struct {
	URL string // without the password
	Err error
}

func (e *ConnectError) Error() string { return fmt.Sprintf("%s: %v", e.URL, e.Err) }

func (e *ConnectError) Unwrap() error { return e.Err }

// ErrURL is of a text that is no address of a Redis server.
var ErrURL = errors.New("not redis://[USER[:PASSWORD]@]HOST[:PORT][/DB], rediss:// (TLS) or unix:///PATH[?db=DB]")

// DialRedis connects to the server of a URL. password is for URLs that have none; it may be empty.
func DialRedis(text, password string) (*Redis, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, ErrURL // the parser's own error would show the password
	}
	options := []redis.DialOption{redis.DialConnectTimeout(redisConnect), redis.DialReadTimeout(redisAnswer), redis.DialWriteTimeout(redisAnswer), redis.DialPassword(password)}
	if u.User != nil {
		options = append(options, redis.DialUsername(u.User.Username()))
		if secret, ok := u.User.Password(); ok {
			options = append(options, redis.DialPassword(secret))
		}
	}
	var conn redis.Conn
	switch {
	case (u.Scheme == "redis" || u.Scheme == "rediss") && u.Hostname() != "":
		if db := strings.Trim(u.Path, "/"); db != "" {
			if options, err = withDB(options, db); err != nil {
				return nil, err
			}
		}
		port := u.Port()
		if port == "" {
			port = "6379"
		}
		options = append(options, redis.DialUseTLS(u.Scheme == "rediss"))
		conn, err = redis.Dial("tcp", net.JoinHostPort(u.Hostname(), port), options...)
	case u.Scheme == "unix" && u.Path != "":
		if db := u.Query().Get("db"); db != "" {
			if options, err = withDB(options, db); err != nil {
				return nil, err
			}
		}
		conn, err = redis.Dial("unix", u.Path, options...)
	default:
		return nil, ErrURL
	}
	if err == nil {
		if _, err = conn.Do("PING"); err != nil {
			conn.Close()
		}
	}
	if err != nil {
		return nil, &ConnectError{u.Redacted(), err}
	}
	return &Redis{conn}, nil
}

func withDB(options []redis.DialOption, db string) ([]redis.DialOption, error) {
	n, err := strconv.ParseUint(db, 10, 31)
	if err != nil {
		return nil, ErrURL
	}
	return append(options, redis.DialDatabase(int(n))), nil
}

// Alive says that the server still answers.
func (r *Redis) Alive() bool {
	_, err := r.conn.Do("PING")
	return err == nil
}

// Close ends the connection.
func (r *Redis) Close() error { return r.conn.Close() }

// Save sets the bits, a batch of clients at a time.
func (r *Redis) Save(c *Calendar) error {
	for n, d := range c.days {
		date := time.Unix(n*86400, 0).UTC().Format(redisDate)
		for it := d[seen].ManyIterator(); ; {
			var numbers [redisBatch / 2]uint64 // each may take two commands
			some := numbers[:it.NextMany(numbers[:])]
			if len(some) == 0 {
				break
			}
			bits, err := r.bits(some)
			if err != nil {
				return err
			}
			var p pipeline
			p.send(r.conn, "SADD", keyDays, date)
			for i, bit := range bits {
				for kind := range kinds {
					if d[kind].Contains(some[i]) {
						p.send(r.conn, "SETBIT", redisKey(kind, date), bit, 1)
					}
				}
			}
			if err := p.receive(r.conn); err != nil {
				return err
			}
		}
	}
	return nil
}

func redisKey(kind int, date string) string { return "tcptrack:" + kinds[kind] + ":" + date }

// bits returns the bits of clients, new ones for those that have none. Who comes second keeps to the bit of the first; his
// own is lost, which costs nothing.
func (r *Redis) bits(numbers []uint64) ([]int64, error) {
	ask := redis.Args{keyIDs}
	for _, n := range numbers {
		ask = append(ask, Client(n))
	}
	bits, missing, err := r.known(ask)
	if err != nil || missing == 0 {
		return bits, err
	}
	next, err := redis.Int64(r.conn.Do("INCRBY", keyNext, missing))
	if err != nil {
		return nil, err
	}
	var p pipeline
	for i, bit := range bits {
		if bit < 0 {
			p.send(r.conn, "HSET", keyClients, next-int64(missing), ask[1+i])
			p.send(r.conn, "HSETNX", keyIDs, ask[1+i], next-int64(missing))
			missing--
		}
	}
	if err := p.receive(r.conn); err != nil {
		return nil, err
	}
	bits, missing, err = r.known(ask)
	if err == nil && missing > 0 {
		err = fmt.Errorf("%s loses what is written to it", keyIDs)
	}
	return bits, err
}

// known returns the bits of clients, -1 for those that have none, and how many have none.
func (r *Redis) known(ask redis.Args) (bits []int64, missing int, err error) {
	answers, err := redis.Values(r.conn.Do("HMGET", ask...))
	if err != nil {
		return nil, 0, err
	}
	for _, a := range answers {
		bit := int64(-1)
		if a == nil {
			missing++
		} else if bit, err = redis.Int64(a, nil); err != nil || bit < 0 || bit >= maxRedisKey*8 {
			return nil, 0, fmt.Errorf("%s: a client has the bit %q", keyIDs, a)
		}
		bits = append(bits, bit)
	}
	return bits, missing, nil
}

func (r *Redis) list() (numbers []int64, err error) {
	n, err := redis.Int(r.conn.Do("SCARD", keyDays))
	if err != nil {
		return nil, err
	}
	if n > 16*MaxDays {
		return nil, fmt.Errorf("%s has %d days, more than %d", keyDays, n, 16*MaxDays)
	}
	dates, err := redis.Strings(r.conn.Do("SMEMBERS", keyDays))
	if err != nil {
		return nil, err
	}
	for _, date := range dates {
		if at, err := time.Parse(redisDate, date); err == nil {
			numbers = append(numbers, dayOf(at.UnixNano()))
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (r *Redis) open(number int64) (*day, error) {
	d := newDay()
	for kind := range kinds {
		key := redisKey(kind, time.Unix(number*86400, 0).UTC().Format(redisDate))
		n, err := redis.Int(r.conn.Do("STRLEN", key))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if n > maxRedisKey {
			return nil, fmt.Errorf("%s has %d octets, more than %d", key, n, maxRedisKey)
		}
		text, err := redis.Bytes(r.conn.Do("GET", key))
		if err != nil && !errors.Is(err, redis.ErrNil) {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		for i, octet := range text {
			for bit := uint64(i) * 8; octet != 0; bit, octet = bit+1, octet<<1 { // the first bit is the highest
				if octet&0x80 != 0 {
					d[kind].Add(bit)
				}
			}
		}
	}
	return d, nil
}

func (r *Redis) names(bits []uint64) (names []string, err error) {
	for some := range slices.Chunk(bits, redisBatch) {
		answers, err := redis.Strings(r.conn.Do("HMGET", redis.Args{keyClients}.AddFlat(some)...))
		if err != nil {
			return nil, err
		}
		for i, name := range answers {
			if _, err := netip.ParseAddr(strings.TrimSuffix(name, "/64")); err != nil || strings.Contains(name, "%") {
				name = "bit " + strconv.FormatUint(some[i], 10) // not set by us
			}
			names = append(names, name)
		}
	}
	return names, nil
}

// pipeline counts commands that are on their way; the first error counts.
type pipeline struct {
	sent int
	err  error
}

func (p *pipeline) send(c redis.Conn, command string, args ...any) {
	if p.err == nil {
		p.err = c.Send(command, args...)
		p.sent++
	}
}

// receive waits for all answers, and returns the first that is an error.
func (p *pipeline) receive(c redis.Conn) error {
	if p.err != nil {
		return p.err
	}
	if err := c.Flush(); err != nil {
		return err
	}
	for range p.sent {
		_, err := c.Receive()
		if c.Err() != nil {
			return c.Err() // the connection is gone
		}
		if p.err == nil {
			p.err = err
		}
	}
	return p.err
}
