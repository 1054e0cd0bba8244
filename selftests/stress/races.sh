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
xt_require ip tc
races=$(dirname "$0")/races
seconds=$(xt_scale 8 25 300)

lose() {
	ip netns exec xt_races tc qdisc add dev lo root netem loss 12% delay 1ms 1ms duplicate 3%
}

established() {
	[ "$(xt_counter -n xt_races CurrEstab)" -lt 1000 ] &&
		[ "$(xt_counter -n xt_races IllegalStateEdge)" = 0 ]
}

# The loss is over: no orphan tries for longer than it did until now.
zero() {
	xt_wait 150 st_nothing_left || { st_left; return 1; }
}

ktap_print_header
ktap_set_plan 5
xt_netns xt_races
xt_check "$seconds seconds of all against all" ip netns exec xt_races "$races" "$seconds"
xt_check "packets get lost" lose
xt_check "again, with loss and duplicates" ip netns exec xt_races "$races" "$seconds"
xt_check "no step of the state machine was refused" established
ip netns exec xt_races tc qdisc del dev lo root
ip netns del xt_races
xt_check "nothing is left" zero
ktap_finished
