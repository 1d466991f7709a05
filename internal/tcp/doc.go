// Package tcp holds the nouns of RFC 9293: Seq, Flags, Segment, FlowKey, State, StateSet.
//
// Every type is a value without pointers, so that it can be kept by the million without a word to the garbage
// collector. The package decodes nothing, remembers nothing and imports only the standard library; capture fills
// Segments, reassembly and tracker read them.
package tcp
