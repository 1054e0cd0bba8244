#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Namespaces and the module come and go, some of them under traffic; at the end
# nothing is left.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
# shellcheck source=selftests/stress/lib.sh
. "$(dirname "$0")/lib.sh"
xt_require_xtcp
cycles=$(cd "$(dirname "$0")" && pwd -P)/cycles
idle=$(xt_scale 40 20 1000)
busy=$(xt_scale 4 3 100)
module=$(st_module) || { echo "Bail out! no xtcp.ko in build/"; exit 1; }

gone() {
	xt_wait 150 st_nothing_left || { st_left; return 1; }
}

# timed COMMAND...: and how long it took, for the log.
timed() {
	local started=$SECONDS status=0
	"$@" || status=$?
	echo "# $((SECONDS - started)) s"
	return $status
}

ktap_print_header
ktap_set_plan 6
xt_check "$idle namespaces" timed "$cycles" spaces "$idle"
xt_check "$busy namespaces under traffic" timed "$cycles" spaces-busy "$busy"
xt_check "nothing is left of them" gone
xt_check "$idle times rmmod and insmod" timed "$cycles" modules "$idle" "$module"
xt_check "$busy times rmmod and insmod under traffic: EBUSY, then success" \
	timed "$cycles" modules-busy "$busy" "$module"
xt_check "nothing is left of them either" gone
ktap_finished
