package capture

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// setUp makes the rings and begins to capture.
func (s *live) setUp() (err error) {
	for range max(s.opt.Rings, 1) {
		r := &ring{fd: -1}
		s.rings = append(s.rings, r)
		if err := r.socket(); err != nil {
			return err
		}
	}
	if s.pass, err = s.filterProgram(); err != nil {
		return err
	}
	if s.several() {
		return s.setUpSeveral()
	}
	if err := s.filter(s.program()); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	if err := s.rings[0].share(s.timeout); err != nil {
		return err
	}
	return s.attach()
}

// setUpSeveral keeps the rings shut until all are in the group: each would take every packet before.
func (s *live) setUpSeveral() error {
	if err := s.filter(shut); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	for _, r := range s.rings {
		if err := r.share(s.timeout); err != nil {
			return err
		}
		// A socket in a group can be bound to no other interface, and one that is gone comes back as another.
		if err := r.bind(0); err != nil {
			return err
		}
	}
	if err := s.fanOut(); err != nil {
		return &FanOutError{Rings: len(s.rings), Err: err}
	}
	s.promise()
	if err := s.filter(s.program()); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	return nil
}

func (s *live) several() bool { return len(s.rings) > 1 }

// socket is a socket that can be asked, in the network namespace that is captured from.
func (s *live) socket() int { return s.rings[0].fd }

// captured are the indexes of the interfaces to capture from; none stands for all.
func (s *live) captured() []int {
	if slices.Contains(s.watched.names, AnyInterface) {
		return nil
	}
	return s.watched.index
}

// program is the filter as the interfaces are now.
func (s *live) program() []unix.SockFilter {
	indexes := s.captured()
	if len(indexes) == 1 && !s.several() {
		indexes = nil // the socket is bound to it
	}
	return captureFilter(indexes, s.opt.Snap, s.pass)
}

// promise asks the interfaces as they are now for what is addressed to others.
func (s *live) promise() {
	for _, i := range s.captured() {
		if s.opt.Promiscuous && i != 0 {
			// An interface that cannot be promiscuous, as lo, gives what it has.
			unix.SetsockoptPacketMreq(s.socket(), unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &unix.PacketMreq{Ifindex: int32(i), Type: unix.PACKET_MR_PROMISC})
		}
	}
}

// attach has the rings receive from the interfaces as they are now.
func (s *live) attach() error {
	s.promise()
	if s.several() { // bound to all, for good
		return nil
	}
	index := 0
	if indexes := s.captured(); len(indexes) == 1 {
		if index = indexes[0]; index == 0 { // it is gone, and 0 would be all
			return nil
		}
	}
	return s.rings[0].bind(index)
}

// reattach follows interfaces that went and came.
func (s *live) reattach() {
	s.filterMu.Lock()
	defer s.filterMu.Unlock()
	if s.stopped.Load() != 0 {
		return
	}
	err := s.filter(s.program())
	if err == nil {
		err = s.attach()
	}
	if err != nil {
		s.warn(strings.Join(s.watched.names, ", "), err.Error(), "begin the capture anew")
	}
}

// filter has each ring take what the program lets pass.
func (s *live) filter(program []unix.SockFilter) error {
	for _, r := range s.rings {
		if err := r.filter(program); err != nil {
			return err
		}
	}
	return nil
}
