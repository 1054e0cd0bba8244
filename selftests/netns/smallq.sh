#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The small-queues limit on several processors: flows that stop for it all go on, in a
# qdisc that holds what it gets, and every byte arrives.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
xt_require tc sha256sum
xt_require_xtcp
xfer=$(dirname "$0")/xfer
bytes=$(($(xt_scale 2 1 20) << 20))
flows=$(xt_scale 8 4 32)

# flow PORT: one connection, from generator to hash; the same as what was sent?
flow() {
	local status=0 sink
	ip netns exec right "$xfer" -l "$1" </dev/null 2>/dev/null | sha256sum >"$tmp/$1" &
	sink=$!
	xt_wait 30 xt_listening -n right "$1" || return 1
	$xfer -g "$1" "$bytes" |
		ip netns exec left "$xfer" -t 30 -c 10.9.0.2 "$1" 2>/dev/null || status=1
	wait "$sink" || status=1
	[ "$($xfer -g "$1" "$bytes" | sha256sum)" = "$(cat "$tmp/$1")" ] && return "$status"
}

# together QDISC...: all of them at once through that.
together() {
	local i pids=() status=0
	ip netns exec left tc qdisc replace dev eth0 root "$@" || return 1
	for ((i = 0; i < flows; i++)); do
		port=$((port + 1))
		flow $port &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || status=1
	done
	return $status
}

throttled() {
	[ "$(xt_counter -n left SmallQueueThrottled)" -gt "$flows" ]
}

ktap_print_header
ktap_set_plan 4
tmp=$(mktemp -d)
port=32000
xt_netns_pair left right
xt_check "$flows flows through a slow qdisc" together tbf rate 200mbit burst 40k limit 16mb
xt_check "$flows flows through fq" together fq maxrate 50mbit
ip netns exec left sh -c 'echo 1 >/proc/sys/net/xtcp/limit_output_bytes'
xt_check "$flows flows, one segment at a time" together tbf rate 200mbit \
	burst 40k limit 16mb
if [ "$XTCP_FAMILY" = inet ]; then
	ktap_test_skip "output stopped for the limit"
else
	xt_check "output stopped for the limit" throttled
fi
rm -r "$tmp"
ktap_finished
