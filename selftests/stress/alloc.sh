#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Memory that is not there. Call by call (failnth.c), and at random where nobody can
# wait for it, in softirq, while bytes go both ways. For the debug kernel, which can
# make allocations fail; its judges see what is left and what is touched too late.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
# shellcheck source=selftests/stress/lib.sh
. "$(dirname "$0")/lib.sh"
xt_require_xtcp
here=$(dirname "$0")
debugfs=/sys/kernel/debug
megabytes=$(xt_scale 4 2 64)

# failing FAULT NAME=VALUE...
failing() {
	local fault=$1 pair
	shift
	for pair in "$@"; do
		echo "${pair#*=}" >"$debugfs/$fault/${pair%%=*}" || return 1
	done
}

# A failure is no event for the kernel log.
quiet() {
	local file
	for file in "$debugfs"/fail*/verbose; do
		echo 0 >"$file" || return 1
	done
}

# What can wait may fail too: the calls of one task, counted.
by_call() {
	failing failslab ignore-gfp-wait=N probability=0 || return 1
	failing fail_page_alloc ignore-gfp-wait=N probability=0 min-order=0 || return 1
	ip netns exec xt_alloc "$here/failnth" >"$tmp/calls"
	cat "$tmp/calls"
}

calls_ok() {
	by_call | sed 's/^\(TAP\|1\.\.\|ok\|not ok\)/# \1/'
	[ "$(grep -c '^ok' "$tmp/calls")" = 10 ]
}

# One in twenty of those that cannot wait, in any context.
at_random() {
	local status=0
	failing failslab ignore-gfp-wait=Y times=-1 probability=5 || return 1
	failing fail_page_alloc ignore-gfp-wait=Y times=-1 probability=5 min-order=0 || status=1
	# A pipe that finds no memory loses what is said.
	transfer >"$tmp/stream" 2>&1 || status=1
	failing failslab probability=0
	failing fail_page_alloc probability=0
	cat "$tmp/stream"
	return $status
}

transfer() {
	ip netns exec xt_alloc timeout 300 "$here/stream" "$((megabytes << 20))"
}

zero() {
	xt_wait 150 st_nothing_left || { st_left; return 1; }
}

[ -e "$debugfs/failslab" ] || mount -t debugfs none "$debugfs"
quiet || exit 1
tmp=$(mktemp -d)
ktap_print_header
ktap_set_plan 4
xt_netns xt_alloc
# It takes memory of its own at the birth of each socket and child.
ip netns exec xt_alloc sysctl -qw net.xtcp.congestion_control=bbr
xt_check "every call with every allocation failing once" calls_ok
xt_check "a stream while one in twenty fails in softirq" at_random
xt_check "no step of the state machine was refused" [ "$(xt_counter -n xt_alloc IllegalStateEdge)" = 0 ]
ip netns del xt_alloc
xt_check "nothing is left" zero
rm -r "$tmp"
ktap_finished
