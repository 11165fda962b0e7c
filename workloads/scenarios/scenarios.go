// Package scenarios holds the scenario files that are part of the binary, one
// folder a group. Package scenario reads them.
package scenarios

import "embed"

// Files are the scenario files, named group/name.toml.
//
//go:embed */*.toml
var Files embed.FS
