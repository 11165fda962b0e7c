#!/usr/bin/env bash
# Finds gate or makes it, and sets the outputs "directory", where it lies,
# "version" and "source", where it came from.
#
# With INPUT_INSTALL=auto, the first of these that works:
#   1. a gate on the PATH, if it is of exactly the version asked for;
#   2. the runner's tool cache, if the sha256 is the one in checksums.txt;
#   3. the release's program for this platform, if its sha256 is the one in checksums.txt;
#   4. a build from the source that the action came with, which needs Go.
# A file with another sha256 is a fault; nothing else is then tried.
set -euo pipefail
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$scripts/lib.sh"

root=$(dirname "$scripts")
checksums=${GATE_CHECKSUMS:-$scripts/checksums.txt}
releases=${GATE_RELEASES_URL:-https://github.com/fivegate/fivegate/releases/download}
install=${INPUT_INSTALL:-auto}
version=${INPUT_VERSION:-}
missed=''          # why the ways that were tried did not work
directory=''       # of the gate that was found

note() { missed="$missed; $1"; }

# platform sets os and arch as Go names them.
platform() {
  case "${RUNNER_OS:-$(uname -s)}" in
    Linux) os=linux ;;
    macOS | Darwin) os=darwin ;;
    *) die "gate does not run on ${RUNNER_OS:-$(uname -s)}: use a Linux or macOS runner" ;;
  esac
  case "${RUNNER_ARCH:-$(uname -m)}" in
    X64 | x86_64 | amd64) arch=amd64 ;;
    ARM64 | aarch64 | arm64) arch=arm64 ;;
    *) die "gate does not run on ${RUNNER_ARCH:-$(uname -m)}: use an x64 or arm64 runner" ;;
  esac
}

# newest prints the version of the last line of checksums.txt.
newest() {
  awk '!/^#/ && NF == 2 { name = $2 } END { if (name != "") { split(name, part, "_"); print part[2] } }' "$checksums"
}

# pinned prints the sha256 that the release's program for this platform must have.
pinned() {
  awk -v name="$asset" '!/^#/ && $2 == name { print $1; exit }' "$checksums"
}

# is_pinned FILE is a fault unless the file is the one that checksums.txt lists.
is_pinned() {
  local got
  got=$(sha256 "$1")
  if [ "$got" != "$want" ]; then
    die "$2 has the sha256 $got where scripts/checksums.txt has $want: do not run it; if it comes from a cache, empty the cache"
  fi
}

found_on_path() {
  local path says
  path=$(command -v gate) || { note 'no gate is on the PATH'; return 1; }
  says=$("$path" version 2>/dev/null | cut -d ' ' -f 2) || { note "\"$path version\" failed"; return 1; }
  if [ -n "$version" ] && [ "$says" != "$version" ]; then
    note "$path is $says"
    return 1
  fi
  directory=$(dirname "$path") from='the PATH' version=$says
}

cached() {
  [ -n "$cache" ] && [ -x "$cache/gate" ] || return 1
  is_pinned "$cache/gate" "$cache/gate"
  directory=$cache from='the tool cache'
}

# download fetches the release's program. What cannot be fetched may be built;
# what comes and is not what was pinned may not be used.
download() {
  local url=$releases/$version/$asset
  command -v curl >/dev/null 2>&1 || { note 'curl is not installed'; return 1; }
  scratch install
  if ! curl --fail --silent --show-error --location --retry 3 --connect-timeout 20 --max-time 300 \
    --max-filesize 209715200 --output "$REPLY/gate" "$url"; then
    note "$url cannot be downloaded"
    return 1
  fi
  is_pinned "$REPLY/gate" "$url"
  chmod 0755 "$REPLY/gate"
  directory=$REPLY from="$url"
  [ -n "$cache" ] || return 0
  # Renamed into place, so that a job beside this one never sees half a file.
  if mkdir -p "$cache" 2>/dev/null && cp "$REPLY/gate" "$cache/gate.$$" && mv -f "$cache/gate.$$" "$cache/gate"; then
    directory=$cache
  fi
}

# build compiles the action's own source with the Go that is there, and changes
# nothing in the source.
build() {
  local ref=${GITHUB_ACTION_REF:-} flags='-s -w'
  command -v go >/dev/null 2>&1 || { note 'Go is not on the PATH, so it cannot be built from source'; return 1; }
  if matches "$ref" '[A-Za-z0-9._-]{1,64}'; then
    flags="$flags -X main.version=$ref"
  fi
  scratch install
  if ! (cd "$root" && CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off GOFLAGS=-mod=readonly \
    go build -trimpath -buildvcs=false -ldflags "$flags" -o "$REPLY/gate" ./cmd/gate); then
    note "$(GOTOOLCHAIN=local go version 2>/dev/null || echo go) cannot build it"
    return 1
  fi
  version=$("$REPLY/gate" version | cut -d ' ' -f 2)
  directory=$REPLY from='source'
}

one_of mode "${INPUT_MODE:-check}" check publish
one_of install "$install" auto binary source none
if ! matches "$version" '(v[0-9]+\.[0-9]+\.[0-9]+(-[A-Za-z0-9.-]{1,64})?)?'; then
  die "input version is \"$version\"; a version looks like v1.2.3, and an empty one is the action's own"
fi
platform
asked=$version
[ -n "$version" ] || [ "$install" = none ] || version=$(newest)
asset=gate_${version}_${os}_${arch}
want=''
[ -z "$version" ] || want=$(pinned)
cache=''
[ -z "${RUNNER_TOOL_CACHE:-}" ] || cache=$RUNNER_TOOL_CACHE/gate/$version/$arch

# release is the cached or downloaded program, where one is pinned.
release() {
  if [ -z "$version" ]; then
    note 'there is no release yet'
    return 1
  fi
  if [ -z "$want" ]; then
    note "scripts/checksums.txt has no $asset"
    return 1
  fi
  cached || download
}

# own says whether the action's own source is what was asked for.
own() {
  [ -z "$asked" ] || { note "version $asked was asked for, and the source at hand may be another"; return 1; }
}

case "$install" in
  none) found_on_path || true ;;
  binary) release || true ;;
  source) { own && build; } || true ;;
  auto)
    { [ -n "$asked" ] && found_on_path; } || release || { own && build; } || true
    ;;
esac
if [ -z "$directory" ]; then
  die "gate cannot be installed (install: $install)${missed}. Put a step with actions/setup-go and go-version 1.26 before this one, or put gate on the PATH and use install: none"
fi
echo "gate $version from $from"
output directory "$directory"
output version "$version"
output source "$from"
