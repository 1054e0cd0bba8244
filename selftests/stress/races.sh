#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Listeners, clients, /proc and knobs against each other, with and without loss; at
# the end nothing is left. Lockdep, KASAN and the reference counts are the judges.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
# shellcheck source=selftests/stress/lib.sh
. "$(dirname "$0")/lib.sh"
xt_require_xtcp
xt_require ip nft
races=$(dirname "$0")/races
seconds=$(xt_scale 8 25 300)

lose() {
	ip netns exec xt_races nft -f - <<-'END'
	table inet lose {
		chain input {
			type filter hook input priority 0
			numgen random mod 8 == 0 drop
		}
	}
	END
}

established() {
	[ "$(xt_counter -n xt_races CurrEstab)" -lt 1000 ] &&
		[ "$(xt_counter -n xt_races IllegalStateEdge)" = 0 ]
}

zero() {
	xt_wait 30 st_nothing_left || { st_left; return 1; }
}

ktap_print_header
ktap_set_plan 5
xt_netns xt_races
xt_check "$seconds seconds of all against all" ip netns exec xt_races "$races" "$seconds"
xt_check "packets get lost" lose
xt_check "again, one packet in eight lost" ip netns exec xt_races "$races" "$seconds"
xt_check "no step of the state machine was refused" established
ip netns exec xt_races nft delete table inet lose
ip netns del xt_races
xt_check "nothing is left" zero
ktap_finished
