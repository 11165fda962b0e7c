#!/usr/bin/env bash
# Removes the gate that install.sh downloaded or built into the runner's temporary
# directory, however the steps before it ended. A gate from the PATH or the tool
# cache stays, and so does what was measured: a later step uploads it.
set -euo pipefail

rm -rf -- "${RUNNER_TEMP:?}"/gate-install-*
echo '::remove-matcher owner=gate::'
