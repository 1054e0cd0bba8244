#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In the VM: the cases named, or all, as lines "case family run metric value".
# scripts/bench calls it and draws up the table.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
# shellcheck source=selftests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
bench=$(dirname "$0")/bench
N=${N:-5} FAMILIES=${FAMILIES:-inet,xtcp} SCALE=${SCALE:-100}

status=0
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $cases
for name; do
	"case_$name" || { echo "bench: case $name failed" >&2; status=1; }
done
exit $status
