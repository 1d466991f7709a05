// Package jsonl shows events as JSON Lines: one object a line, "event" first, the keys in the order and with the
// meaning of schema.json beside this file.
//
// Lines are appended by hand into one reused buffer, because encoding/json costs eight times as much and allocates;
// a test holds every line to what encoding/json would have written, another to the schema. Keys are only ever added.
// The Writer keeps nothing of what it is given and is used by one goroutine.
package jsonl
