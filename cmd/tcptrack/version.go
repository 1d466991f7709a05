package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker: -ldflags "-X main.version=...".
var version = "devel"

// newVersion builds the command that names this build.
func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, build tags and Go version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "tcptrack %s\nbuild tags: %s\nbuilt with: %s for %s/%s\n",
				version, buildTags(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
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
