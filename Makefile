# make run    build, read a recording of the zero-window hang, print the answer
# make test   all tests
# make check  what CI calls: gofmt, vet, staticcheck, tests with -race, ten seconds of each fuzz target, both builds
# make build  bin/tcptrack        make fuzz FUZZTIME=10m  longer fuzzing
# make bench  benchmarks, some minutes; LONG=-long adds ten million connections (9 GiB), BENCH=Read COUNT=10 chooses.
#             Two of their outputs are compared by: make benchstat OLD=old.txt NEW=new.txt
# make profile CAPTURES=...  what the compiler knows of the hot paths, after larger changes to them
# make deb    bin/tcptrack-go_VERSION_ARCH.deb; with libpcap where make build has it, CGO_ENABLED=0 make deb without

GO       ?= go
FUZZTIME ?= 10s
HANG      = testdata/pcaps/fin_wait1_zero_window/s.pcap.gz
VERSION   = $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCHSTAT   = $(GO) run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
BENCH      ?= .
COUNT      ?= 1

# The libpcap back end needs a C compiler and pcap.h; everything else does without both. Asked at each use, because
# the target libpcap may have changed the answer.
CGO  = $(shell $(GO) env CGO_ENABLED)
TAGS = $(shell [ "$$($(GO) env CGO_ENABLED)" = 1 ] && [ -e /usr/include/pcap.h ] && echo -tags libpcap)

.PHONY: run test check build deb bench benchstat fuzz fmt vet staticcheck race builds libpcap profile

run: build
	@bin/tcptrack read $(HANG)

build: libpcap
	@$(GO) build -trimpath $(TAGS) -ldflags "-X main.version=$(VERSION)" -o bin/tcptrack ./cmd/tcptrack

# Stripped, and without what differs from one machine to the next.
deb: libpcap
	@command -v dpkg-deb >/dev/null || { echo "make deb needs dpkg-deb: apt-get install dpkg"; exit 1; }
	@$(GO) build -trimpath -buildvcs=false $(TAGS) $(if $(TAGS),-buildmode=pie) -ldflags "-s -w -buildid= -X main.version=$(VERSION)" -o bin/deb/tcptrack ./cmd/tcptrack
	@deploy/deb/build.sh bin/deb/tcptrack bin

test: libpcap
	$(GO) test -timeout 30m $(TAGS) ./...

check: libpcap fmt vet staticcheck race fuzz builds

fmt:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }

vet: libpcap
	$(GO) vet ./...
	[ -z "$(TAGS)" ] || $(GO) vet $(TAGS) ./...

staticcheck: libpcap
	$(STATICCHECK) $(TAGS) ./...

race: libpcap
	$(GO) test -timeout 30m $(TAGS) $(if $(filter 1,$(CGO)),-race) ./...

# One target at a time: go test -fuzz takes no more. Until Go 1.27 the end of the time may be told as a failure (go.dev/issue/75804):
# a target that fails by that alone runs again.
fuzz:
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's|^\./||; s|/[^/]*:func | |' | sort | while read -r package target; do \
		for try in 1 2 3; do \
			echo "fuzz $$package $$target $(FUZZTIME)"; \
			{ $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$package" 2>&1 || echo "fuzz $$target fails"; } </dev/null | tee "$$log"; \
			grep -q "^fuzz $$target fails" "$$log" || continue 2; \
			grep -q '^ *context deadline exceeded$$' "$$log" && ! grep -q 'Failing input' "$$log" || exit 1; \
		done; \
		exit 1; \
	done

# Plain Go without cgo is the build that works everywhere; the other is the one with libpcap, where it can be had.
builds: libpcap
	CGO_ENABLED=0 $(GO) build ./...
	[ -z "$(TAGS)" ] || $(GO) build $(TAGS) ./...

# Package by package, so that one is not timed beside another. The pipeline's have flags of their own.
bench:
	$(GO) test -p 1 -run '^$$' -bench '$(BENCH)' -count $(COUNT) -timeout 30m $$($(GO) list ./... | grep -v internal/pipeline$$)
	$(GO) test -p 1 -run '^$$' -bench '$(BENCH)' -count $(COUNT) -timeout 30m ./internal/pipeline -args $(LONG)

benchstat:
	$(BENCHSTAT) $(OLD) $(NEW)

# What the compiler is told of which calls are hot: a profile of reading CAPTURES, large ones, each with another kind of
# traffic, and of writing the lines of the first. A tenth faster; go build takes it from cmd/tcptrack/default.pgo by itself.
profile: build
	@[ -n "$(CAPTURES)" ] || { echo "make profile CAPTURES='large.pcap other.pcap': reads them and writes cmd/tcptrack/default.pgo"; exit 1; }
	@mkdir -p bin/profile
	@for f in $(CAPTURES); do bin/tcptrack read -o json --events summary --max-connections 0 --cpuprofile "bin/profile/$$(basename "$$f").prof" "$$f" || exit 1; done
	@bin/tcptrack read -o json --max-connections 0 --cpuprofile bin/profile/lines.prof "$(firstword $(CAPTURES))" >/dev/null
	@$(GO) tool pprof -proto bin/tcptrack bin/profile/*.prof >bin/default.pgo 2>/dev/null && mv bin/default.pgo cmd/tcptrack/default.pgo
	@rm -r bin/profile

# Installs libpcap-dev where that can be done without asking, and never fails.
libpcap:
	@[ "$(CGO)" = 1 ] || { echo "no C compiler: everything but the libpcap back end is built"; exit 0; }; \
	[ ! -e /usr/include/pcap.h ] || exit 0; \
	if [ "$$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo='sudo -n'; else sudo=false; fi; \
	{ $$sudo timeout 300 apt-get -qq update && $$sudo env DEBIAN_FRONTEND=noninteractive timeout 300 apt-get -qq -y --no-install-recommends install libpcap-dev; } >/dev/null 2>&1 </dev/null; \
	[ -e /usr/include/pcap.h ] && echo "libpcap-dev installed" || echo "no pcap.h (apt-get install libpcap-dev): everything but the libpcap back end is built"
