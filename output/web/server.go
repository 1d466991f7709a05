package web

import (
	"encoding/json"
	"log"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Bounds of the server. A request that does not come, or an answer that is not read, in time is cut off.
const (
	maxHeader    = 16 << 10
	maxBody      = 4 << 10
	readTimeout  = 10 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = 60 * time.Second
	maxURL       = 8 << 10
)

// Config sets up a server.
type Config struct {
	Store   *Store
	Token   string   // without one everybody who gets through may ask
	Hosts   []string // names, beside localhost, by which browsers may call it
	Version string
	Source  string           // what is watched, in words
	Live    bool             // it is captured now
	Now     func() time.Time // the wall clock
	Packets Packets          // nil: none are kept
	Metrics http.Handler     // for GET /metrics; nil: there are none
	Agent   http.Handler     // for GET /zabbix/... on the unix socket alone; nil: there is none
	Log     *log.Logger      // what goes wrong inside; nil: nobody is told
}

// server answers requests.
type server struct {
	Config
	gate    *gate
	streams chan struct{} // places of streams
	details chan struct{} // places of what reads packets
	views   views
	run     string // names this run, for streams that resume
}

// NewServers make the server for the network, which checks who asks and by which name, and the one for a unix socket,
// whose file says who may.
func NewServers(cfg Config) (network, local *http.Server) {
	s := &server{Config: cfg, gate: newGate(cfg.Token, cfg.Now), streams: make(chan struct{}, maxStreams), details: make(chan struct{}, maxDetails)}
	s.views.scans = make(chan struct{}, maxScans)
	s.run = runName(cfg.Now())
	alone := s.routes()
	if cfg.Agent != nil {
		alone.Handle("GET /zabbix/", cfg.Agent)
	}
	return s.httpServer(s.guard(s.routes())), s.httpServer(bound(alone))
}

// httpServer is a server with its bounds.
func (s *server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, MaxHeaderBytes: maxHeader, ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, ErrorLog: s.Log,
	}
}

// routes are all paths. What is said of one there, the guard has let in.
func (s *server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/login", s.gate.login)
	mux.HandleFunc("POST /api/v1/logout", s.gate.logout)
	mux.HandleFunc("GET /api/v1/status", s.status)
	mux.HandleFunc("GET /api/v1/connections", s.connections)
	mux.HandleFunc("GET /api/v1/connections/{conn}", s.connection)
	mux.HandleFunc("GET /api/v1/connections/{conn}/pcapng", s.pcapng)
	mux.HandleFunc("GET /api/v1/findings", s.listFindings)
	mux.HandleFunc("GET /api/v1/events", s.stream)
	mux.HandleFunc("GET /api/v1/states", s.states)
	mux.HandleFunc("GET /api/v1/timeline", s.timeline)
	mux.HandleFunc("GET /api/v1/complete", s.complete)
	mux.Handle("GET /", servePage())
	if s.Metrics != nil {
		mux.Handle("GET /metrics", s.Metrics)
	}
	return mux
}

// bound bounds a request.
func bound(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) > maxURL {
			refuse(w, http.StatusRequestURITooLong, "the address is too long", "shorten the selection")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// guard lets through what comes by a name of ours, from a page of ours, from somebody who may ask.
func (s *server) guard(next http.Handler) http.Handler {
	next = bound(next)
	same := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		switch {
		case !s.ours(r.Host):
			// A page whose name was made to lead here reads nothing (DNS rebinding).
			refuse(w, http.StatusMisdirectedRequest, "this server is not known by that name", "use its address, or start it with --allow-host NAME")
		case same.Check(r) != nil || foreign(r):
			refuse(w, http.StatusForbidden, "another site's page asks", "only this server's own page may")
		case s.guarded(r) && !s.gate.open(r):
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, "this takes the token", "log in on the page, or send Authorization: Bearer TOKEN")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// foreign says that a page of another origin asks for what is not a page: it could not read the answer, but have work done.
func foreign(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return (strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/metrics") && site != "" && site != "same-origin" && site != "none"
}

// guarded says that what is asked for takes the token: all but the page itself, which says nothing, and the way in.
func (s *server) guarded(r *http.Request) bool {
	return r.URL.Path != "/api/v1/login" && (strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/metrics")
}

// ours says that a browser may call the server by that name: by an address, which no foreign name server can give, by
// localhost, or by a name that was allowed.
func (s *server) ours(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "localhost" || slices.ContainsFunc(s.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// refuse answers with what is wrong and what helps.
func refuse(w http.ResponseWriter, code int, what, next string) {
	reply(w, code, map[string]any{"error": map[string]string{"what": what, "next": next}})
}

// reply answers with JSON.
func reply(w http.ResponseWriter, code int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		code, text = http.StatusInternalServerError, []byte(`{"error":{"what":"the answer cannot be written"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	w.Write(append(text, '\n'))
}
