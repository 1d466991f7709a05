package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/capture"
)

// version is set by the linker: -ldflags "-X main.version=...".
var version = "devel"

// newVersion builds the command that names this build.
func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, build tags, ways to capture and Go version",
		Args:  noWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "tcptrack %s\nbuild tags: %s\nback ends: %s\nbuilt with: %s for %s/%s\n",
				version, buildTags(), backEnds(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// backEnds lists the ways to capture, or "none".
func backEnds() string {
	if names := capture.Backends(); len(names) > 0 {
		return strings.Join(names, ", ")
	}
	return "none"
}

// buildTags lists the tags given to go build, or "none".
func buildTags() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-tags" {
				return s.Value
			}
		}
	}
	return "none"
}
