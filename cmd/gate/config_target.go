package main

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/workloads/target"
)

// targetDrivers are the drivers that a target may name; the first is the
// default.
var targetDrivers = []string{driverEngram, driverHTTP, driverGobench}

const (
	driverEngram  = "engram"  // Engram's API
	driverHTTP    = "http"    // any HTTP server
	driverGobench = "gobench" // the benchmarks of a Go module, which is started by none of the commands here
)

// The placeholders that target.Config documents. A build has neither ports nor
// data: it is made once and started many times.
var (
	buildPlaceholders  = []string{"{layout}", "{worktree}"}
	launchPlaceholders = []string{"{data}", "{layout}", "{port}", "{port2}", "{worktree}"}
)

// placeholderPattern is what looks like a placeholder; other braces, as in
// JSON, are left alone.
var placeholderPattern = regexp.MustCompile(`\{[A-Za-z][A-Za-z0-9_]*\}`)

// defaultLayouts is how many layouts are built where the toolchain can vary
// them. At eight, the variance of layout luck that is left is an eighth, below
// the noise of a five-minute check; each costs a link.
const defaultLayouts = 8

var layoutsRange = diag.Range[int64]{Min: 1, Max: 64}

// readTarget reads [target].
func readTarget(t *diag.Table) target.Config {
	driver := t.Choice("driver", targetDrivers[0], targetDrivers...)
	if driver == driverGobench {
		return target.Config{Driver: driver, Layouts: int(t.Int("layouts", defaultLayouts, layoutsRange))}
	}
	c := target.Config{
		Driver:       driver,
		Build:        readCommand(t, "build", buildPlaceholders),
		Start:        readCommand(t, "start", launchPlaceholders),
		Env:          readEnv(t.Table("env")),
		ReadyTimeout: t.Duration("ready_timeout", target.DefaultReadyTimeout, diag.Range[time.Duration]{Min: time.Second, Max: time.Hour}),
	}
	t.Require("start", `add a line such as start = ["bin/server", "--port", "{port}"]`)
	c.Ready = readReady(t, c.Driver)
	c.Artifacts = readArtifacts(t, c)
	c.Layouts = readLayouts(t, c)
	if len(c.Start) > 0 && !usesPort(c) {
		t.Fault(t.Position("start"), "placeholder", "neither start nor env contains {port}: the target must listen on the port that it is given, such as start = [%q, \"--port\", \"{port}\"]", c.Start[0])
	}
	return c
}

// readCommand reads an argument list.
func readCommand(t *diag.Table, key string, allowed []string) []string {
	list := t.List(key)
	var command []string
	for _, argument := range list {
		checkPlaceholders(t, "target."+key, argument, allowed)
		if strings.ContainsRune(argument.Value, 0) {
			t.Fault(argument.At(-1), "value", "an argument cannot contain a NUL character")
		}
		command = append(command, argument.Value)
	}
	if list != nil && len(list) == 0 {
		t.Fault(t.Position(key), "value", "target.%s names no program: give a list such as [\"make\", \"server\"]", key)
	}
	if len(command) == 1 && strings.ContainsAny(command[0], " \t") {
		t.Fault(t.Position(key), "value", "target.%s is one text with spaces: commands are not handed to a shell; give each argument as an element of its own, such as [%s]", key, quotedFields(command[0]))
	}
	return command
}

func quotedFields(command string) string {
	fields := strings.Fields(command)
	for i, field := range fields {
		fields[i] = fmt.Sprintf("%q", field)
	}
	return strings.Join(fields, ", ")
}

// checkPlaceholders notes a fault for each {word} in the value of a key that is
// not allowed there, and reports whether there was none.
func checkPlaceholders(t *diag.Table, key string, x diag.Text, allowed []string) bool {
	good := true
	for _, at := range placeholderPattern.FindAllStringIndex(x.Value, -1) {
		if word := x.Value[at[0]:at[1]]; !slices.Contains(allowed, word) {
			t.Fault(x.At(at[0]), "placeholder", "placeholder %s cannot stand in %s: %s", word, key, diag.Suggest(word, allowed))
			good = false
		}
	}
	return good
}

// variableName is what a POSIX shell could set, so that the environment can be
// reproduced by hand (POSIX.1-2017, 3.235).
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func readEnv(t *diag.Table) map[string]string {
	env := map[string]string{}
	for _, name := range t.Names() {
		if !variableName.MatchString(name) {
			t.Fault(t.KeyPosition(name), "value", "%q cannot be the name of an environment variable: allowed are letters, digits and _, not starting with a digit", name)
		}
		value, ok := t.Text(name)
		if !ok {
			continue
		}
		checkPlaceholders(t, "target.env", value, launchPlaceholders)
		if strings.ContainsRune(value.Value, 0) {
			t.Fault(value.At(-1), "value", "an environment variable cannot contain a NUL character")
		}
		env[name] = value.Value
	}
	return env
}

// defaultReady asks for Engram's cheapest health answer: /health runs probes of
// its own, which take CPU time from what is measured.
const defaultReady = "http://127.0.0.1:{port}/health/alive"

// readyConnection awaits a connection, which any server accepts.
const readyConnection = "tcp://127.0.0.1:{port}"

// readReady reads what to await. "tcp" is short for a connection to {port}.
func readReady(t *diag.Table, driver string) string {
	x, ok := t.Text("ready")
	switch {
	case !ok && driver == driverEngram:
		return defaultReady
	case !ok || x.Value == "tcp":
		return readyConnection
	}
	if !checkPlaceholders(t, "target.ready", x, launchPlaceholders) {
		return x.Value
	}
	if wrong := readyFault(x.Value); wrong != "" {
		t.Fault(x.At(-1), "value", "target.ready is %q: %s", x.Value, wrong)
	}
	return x.Value
}

// readyFault says why a target cannot be awaited so; empty when it can.
func readyFault(ready string) string {
	scheme, rest, _ := strings.Cut(ready, ":")
	switch scheme {
	case "log":
		if _, err := regexp.Compile(rest); err != nil || rest == "" {
			return "after log: a regular expression (RE2) must follow that a line of the target's output matches, such as \"log:listening on .*\""
		}
		return ""
	case "http", "https", "tcp":
		return readyAddressFault(ready)
	}
	return "it must be an address such as \"http://127.0.0.1:{port}/health\", \"tcp\" for a connection to {port}, or \"log:REGEXP\" for a line of output"
}

func readyAddressFault(ready string) string {
	u, err := url.Parse(strings.NewReplacer("{port}", "10000", "{port2}", "10000").Replace(ready))
	if err != nil || u.Port() == "" {
		return "it must have a host and a port, such as 127.0.0.1:{port}"
	}
	ip := net.ParseIP(u.Hostname())
	if u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "the target runs on this machine: the host must be 127.0.0.1, [::1] or localhost"
	}
	return ""
}

// readArtifacts reads what a build makes. They stay as they are written, since
// the start command names them by the same text. Where the file has none, it is
// the program that is started (target.Config), which must then be a path.
func readArtifacts(t *diag.Table, c target.Config) []string {
	var artifacts []string
	for _, x := range t.List("artifacts") {
		if !filepath.IsLocal(x.Value) || strings.Contains(x.Value, "{") {
			t.Fault(x.At(-1), "value", "artifact %q must be a path within the worktree, relative to it and without placeholders, such as \"bin/server\"", x.Value)
			continue
		}
		artifacts = append(artifacts, x.Value)
	}
	if len(c.Start) == 0 {
		return artifacts
	}
	program, inWorktree := strings.CutPrefix(c.Start[0], "{worktree}/")
	switch {
	case inWorktree:
		t.Fault(t.Position("start"), "value", "the program %q is looked for in the worktree anyway: write %q, so that each layout starts its own copy", c.Start[0], program)
	case t.Has("artifacts"), len(c.Build) == 0:
	case !filepath.IsLocal(program) || !strings.Contains(program, "/"):
		t.Fault(t.Position("start"), "missing-key", "missing key \"artifacts\" in [target]: the program %q is not a path within the worktree, so say which files build makes, such as artifacts = [\"bin/server\"]", program)
	}
	return artifacts
}

// readLayouts reads how many layouts to build; by default more than one only
// where the build can make them.
func readLayouts(t *diag.Table, c target.Config) int {
	fallback := 1
	if variesLayout(c) {
		fallback = defaultLayouts
	}
	layouts := int(t.Int("layouts", int64(fallback), layoutsRange))
	if layouts > 1 && fallback == 1 {
		t.Fault(t.Position("layouts"), "unreachable", "target.layouts is %d and the build cannot make more than 1: put {layout} into build, where it becomes the seed of the link order, or use go build, which is shuffled by itself", layouts)
	}
	return layouts
}

// variesLayout reports whether the build may come out in another function order
// for another seed. Whether the linker really can is known when it is asked.
func variesLayout(c target.Config) bool {
	if len(c.Build) > 1 && filepath.Base(c.Build[0]) == "go" && c.Build[1] == "build" {
		return true
	}
	if slices.ContainsFunc(c.Build, func(s string) bool { return strings.Contains(s, "{layout}") }) {
		return true
	}
	for _, value := range c.Env {
		forLaunch := strings.Contains(value, "{port") || strings.Contains(value, "{data}")
		if len(c.Build) > 0 && strings.Contains(value, "{layout}") && !forLaunch {
			return true
		}
	}
	return false
}

// usesPort reports whether the target learns the port that it must listen on. A
// placeholder that is none, which is a fault already, may have been meant to be
// the port.
func usesPort(c target.Config) bool {
	for _, value := range append(slices.Collect(maps.Values(c.Env)), c.Start...) {
		for _, word := range placeholderPattern.FindAllString(value, -1) {
			if word == "{port}" || !slices.Contains(launchPlaceholders, word) {
				return true
			}
		}
	}
	return false
}
