#!/usr/bin/env bash
# Builds gate for a release, the same bytes on whatever machine it runs:
#
#   scripts/release.sh VERSION DIRECTORY [OS/ARCHITECTURE...]
#
# writes gate_VERSION_OS_ARCHITECTURE for each platform (all four by default) into
# the directory, and checksums.txt with their sha256. Before a release is tagged,
# its lines are added to scripts/checksums.txt; release.yml builds again and
# refuses a tag whose programs are others.
set -euo pipefail
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$scripts/lib.sh"

if [ "$#" -lt 2 ]; then
  echo 'usage: scripts/release.sh VERSION DIRECTORY [OS/ARCHITECTURE...]' >&2
  exit 3
fi
version=$1
directory=$2
shift 2
if ! matches "$version" 'v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?'; then
  echo "release.sh: version \"$version\" is not like v1.2.3" >&2
  exit 3
fi
if [ "$#" -eq 0 ]; then
  set -- linux/amd64 linux/arm64 darwin/amd64 darwin/arm64
fi

mkdir -p -- "$directory"
directory=$(cd -- "$directory" && pwd)
cd "$scripts/.."

# Bytes depend on the compiler, so its version is part of the release; the go
# command fetches it where it is not at hand, and checks its sum.
toolchain=go$(cat scripts/go-version)
: >"$directory/checksums.txt"
for platform in "$@"; do
  name=gate_${version}_${platform%/*}_${platform#*/}
  GOOS=${platform%/*} GOARCH=${platform#*/} GOAMD64=v1 GOARM64=v8.0 CGO_ENABLED=0 GOTOOLCHAIN=$toolchain GOWORK=off GOFLAGS=-mod=readonly \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$version" -o "$directory/$name" ./cmd/gate
  printf '%s  %s\n' "$(sha256 "$directory/$name")" "$name" >>"$directory/checksums.txt"
done
cat "$directory/checksums.txt"
