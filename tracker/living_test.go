package tracker

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestByNumber(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for _, bits := range []int{0, 1, 10, 11, 12, 22, 23, 40, 64} {
		list := make([]live, r.IntN(3000))
		for i := range list {
			list[i] = live{r.Uint64() & (1<<bits - 1), uint32(i)}
		}
		want := slices.Clone(list)
		slices.SortStableFunc(want, func(a, b live) int { return cmp.Compare(a.num, b.num) })
		if got := byNumber(list); !slices.Equal(got, want) {
			t.Errorf("%d numbers of %d bits are out of order", len(got), bits)
		}
	}
}
