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

# loads PARAMETERS...: the module with them, in the place of the one that is there.
loads() {
	rmmod xtcp || return
	insmod "$module" "$@"
}

# refused PARAMETER: the module is not loaded with it, and then is without.
refused() {
	local status=0
	! loads "$1" 2>/dev/null || status=1
	[ $status = 1 ] || insmod "$module" || status=1
	return $status
}

parameters() {
	refused thash_entries=255 && refused thash_entries=16777217 && refused family=99 &&
		loads thash_entries=300 && [ "$(cat /sys/module/xtcp/parameters/thash_entries)" = 512 ]
}

ktap_print_header
ktap_set_plan 7
xt_check "$idle namespaces" timed "$cycles" spaces "$idle"
xt_check "$busy namespaces under traffic" timed "$cycles" spaces-busy "$busy"
xt_check "nothing is left of them" gone
xt_check "$idle times rmmod and insmod" timed "$cycles" modules "$idle" "$module" thash_entries=4096
xt_check "$busy times rmmod and insmod under traffic: EBUSY, then success" \
	timed "$cycles" modules-busy "$busy" "$module"
xt_check "nothing is left of them either" gone
xt_check "parameters: out of range refused, in range taken" parameters
ktap_finished
