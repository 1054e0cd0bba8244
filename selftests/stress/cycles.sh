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
here=$(dirname "$0")
idle=$(xt_scale 12 5 1000)
busy=$(xt_scale 3 2 100)
xt_namespaces+=(xt_cycle xt_busy)
module=$(st_module) || { ktap_skip_all "no xtcp.ko beside the tests"; exit "$KSFT_SKIP"; }

# A few connections, in every state a namespace can die with.
use() {
	ip netns exec "$1" "$here/churn" 5
}

namespaces() {
	local i
	for ((i = 0; i < idle; i++)); do
		ip netns add xt_cycle && ip -n xt_cycle link set lo up && use xt_cycle &&
			ip netns del xt_cycle || return 1
	done
}

# Endless traffic until somebody kills it; sockets, queues and timers in full use.
traffic_start() {
	ip netns add xt_busy
	ip -n xt_busy link set lo up
	ip netns exec xt_busy "$here/churn" 1000000 2>/dev/null &
	traffic=$!
	ip netns exec xt_busy "$here/stream" &
	stream=$!
	xt_wait 20 streaming
}

streaming() {
	[ "$(xt_counter -n xt_busy SegmentsTaken)" -gt 200 ]
}

traffic_stop() {
	kill -9 "$traffic" "$stream"
	wait "$traffic" "$stream"
} 2>/dev/null

namespaces_busy() {
	local i
	for ((i = 0; i < busy; i++)); do
		traffic_start || return 1
		traffic_stop
		ip netns del xt_busy
	done
}

gone() {
	xt_wait 20 st_nothing_left || { st_left; return 1; }
}

reload() {
	xt_wait 20 rmmod xtcp && insmod "$module"
}

modules() {
	local i
	for ((i = 0; i < idle; i++)); do
		xt_netns_use && reload || return 1
	done
}

xt_netns_use() {
	ip netns add xt_cycle && ip -n xt_cycle link set lo up && use xt_cycle && ip netns del xt_cycle
}

# While sockets live, rmmod says so; when they are killed it succeeds, whatever
# segments, buckets and half-open requests there are.
modules_busy() {
	local i
	for ((i = 0; i < busy; i++)); do
		traffic_start || return 1
		! rmmod xtcp 2>/dev/null || { echo "# rmmod took the module from live sockets"; return 1; }
		traffic_stop
		reload || { st_left; return 1; }
		ip netns del xt_busy
	done
}

ktap_print_header
ktap_set_plan 6
xt_check "$idle namespaces" namespaces
xt_check "$busy namespaces under traffic" namespaces_busy
xt_check "nothing is left of them" gone
xt_check "$idle times rmmod and insmod" modules
xt_check "$busy times rmmod and insmod under traffic: EBUSY, then success" modules_busy
xt_check "nothing is left of them either" gone
ktap_finished
