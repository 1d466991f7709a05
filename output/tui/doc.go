// Package tui is the full screen of top: what lives, what is wrong with it, and one connection closely.
//
//	tracker's goroutine                     the screen's goroutine
//	events ─> Desk ── Look(Ask) ─> Snapshot ─> Model ─> frames
//	              └─────────────── Ask <───────┘ keys
//
// A Desk takes the events of a run and, asked, looks at the tracker's connections; all of it runs on the goroutine that
// tracks and waits for nothing. A Snapshot is handed over whole, is bounded, and is never changed afterwards. The Model
// is bubbletea's: it owns the keys and what they move, asks for what it wants to be shown, and draws it; it never calls
// the tracker. Who joins both, and owns the clock, is the command.
//
// Everything kept is bounded by a named bound. No meaning is carried by colour alone.
package tui
