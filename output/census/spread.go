package census

// Spread says how durations are spread over buckets.
type Spread struct {
	Bounds []float64 // upper ends of the buckets in seconds, rising; they are not to be changed
	Counts []uint64  // durations of each bucket, and behind them those above all bounds
	Sum    float64   // seconds
	N      uint64
}

func newSpread(bounds []float64) Spread {
	return Spread{Bounds: bounds, Counts: make([]uint64, len(bounds)+1)}
}

// add counts a duration in nanoseconds.
func (s *Spread) add(ns int64) {
	v := float64(ns) / 1e9
	i := 0
	for i < len(s.Bounds) && v > s.Bounds[i] {
		i++
	}
	s.Counts[i]++
	s.Sum += v
	s.N++
}

func (s Spread) clone() Spread {
	s.Counts = append([]uint64(nil), s.Counts...)
	return s
}

var (
	// lifeBounds are seconds: a request, a page, a keep-alive's 5 s to 2 min, a pool's hours, a day.
	lifeBounds = []float64{0.01, 0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 900, 3600, 14400, 86400}
	// roundTripBounds are seconds: a host, a rack, a data centre, a country, an ocean, a satellite, a queue.
	roundTripBounds = []float64{50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5}
)
