#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Thousands of connections opened and closed in every way, then everything back to
# zero: at once when the namespace goes, and by time alone (churn_time.sh).
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
# shellcheck source=selftests/stress/lib.sh
. "$(dirname "$0")/lib.sh"
xt_require_xtcp
churn=$(dirname "$0")/churn
count=$(xt_scale 20000 2000 100000)

only_time_wait() {
	! ip netns exec xt_churn cat /proc/net/xtcp | awk 'NR > 1 && $4 != "06"' | sed 's/^/# /' | grep .
}

opened() {
	[ "$(xt_counter -n xt_churn ActiveOpens)" -eq "$count" ] &&
		[ "$(xt_counter -n xt_churn PassiveOpens)" -eq "$count" ] &&
		[ "$(xt_counter -n xt_churn SegmentsTaken)" -gt $((count * 6)) ]
}

none_established() {
	[ "$(xt_counter -n xt_churn CurrEstab)" -eq 0 ]
}

zero() {
	xt_wait "$1" st_nothing_left || { st_left; return 1; }
}

ktap_print_header
ktap_set_plan 5
xt_netns xt_churn
xt_check "$count connections in five ways" ip netns exec xt_churn "$churn" "$count"
xt_check "counted: opened as often, taken by XTCP" opened
xt_check "nothing but TIME_WAIT remains" xt_wait 60 only_time_wait
xt_check "no connection is established" none_established
if [ "${1:-}" = time ]; then
	sleep 61
	xt_check "after 60 s sockets, ports, requests, buckets: none" zero 10
else
	ip netns del xt_churn
	xt_check "without the namespace sockets, ports, requests, buckets: none" zero 150
fi
ktap_finished
