#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What one flow's output does to the host: how much of it waits in the qdisc, how large
# its bursts are, and the rate it is held to. Native TCP of the same kernel goes first.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
xt_require tc sha256sum
xt_require_xtcp
here=$(dirname "$0")
knobs=/proc/sys/net/xtcp
port=31000

# sink FAMILY: reads one connection at $port to the end, its hash in $tmp/PORT.
sink() {
	port=$((port + 1))
	ip netns exec right "$here/xfer" -f "$1" -l $port </dev/null 2>/dev/null |
		sha256sum >"$tmp/$port" &
	sink=$!
	XTCP_FAMILY=$1 xt_wait 3000 xt_listening -n right $port
}

# flow FAMILY [OPTION...]: one bulk flow; its figures in $ms, $skb, $pacing.
flow() {
	local family=$1 figures
	shift
	sink "$family"
	figures=$(ip netns exec left "$here/flow" -f "$family" "$@" 10.9.0.2 $port) || return 1
	echo "# $family $*: $figures"
	ms='' skb='' pacing=''
	# shellcheck disable=SC2086,SC2163
	declare -g $figures
	wait "$sink"
}

knob() {
	ip netns exec left sh -c "echo $2 >$knobs/$1"
}

link() {
	ip netns exec left tc qdisc replace dev eth0 root "$@"
}

# The most bytes seen in the qdisc, until the file $tmp/flowing is gone; to $tmp/peak.
watch_backlog() {
	local now peak=0
	while [ -e "$tmp/flowing" ]; do
		now=$(ip netns exec left tc -s -j qdisc show dev eth0 root |
			sed 's/.*"backlog":\([0-9]*\).*/\1/')
		[ "$now" -le "$peak" ] || peak=$now
	done
	echo "$peak" >"$tmp/peak"
}

# backlog FAMILY [OPTION...]: as flow(), and the most that waited in $peak.
backlog() {
	local watcher status=0
	touch "$tmp/flowing"
	watch_backlog &
	watcher=$!
	flow "$@" || status=1
	rm "$tmp/flowing"
	wait $watcher
	peak=$(cat "$tmp/peak")
	echo "# at most $peak bytes waited"
	return $status
}

slow='tbf rate 40mbit burst 40k limit 8mb'
bulk=$(($(xt_scale 6 2 30) << 20))

# 40 Mbit/s are 5 bytes a microsecond.
in_time() {
	[ "$ms" -lt $((bulk / 4000 + 1000)) ]
}

small_queue() {
	local before native
	# shellcheck disable=SC2086
	link $slow
	backlog inet -n "$bulk" || return 1
	native=$peak
	before=$(xt_counter -n left SmallQueueThrottled)
	backlog xtcp -n "$bulk" && in_time || return 1
	[ "$(xt_counter -n left SmallQueueThrottled)" -gt "$before" ] || return 1
	[ "$peak" -le $((native * 5 / 4 + 65536)) ] && [ "$peak" -lt 300000 ]
}

knob_limit() {
	knob limit_output_bytes 10000
	backlog xtcp -n $((bulk / 2))
	local status=$?
	knob limit_output_bytes 1048576
	[ $status = 0 ] && in_time && [ "$peak" -lt 100000 ]
}

# A far peer at the start: a millisecond of the rate is less than the least burst.
small_bursts() {
	link pfifo
	ip netns exec right tc qdisc replace dev eth0 root netem delay 40ms
	flow xtcp -n 60000 && [ "$skb" -lt 3100 ] || return 1
	knob min_tso_segs 8
	flow xtcp -n 60000
	knob min_tso_segs 2
	[ "$skb" -gt 6000 ]
}

# A near one gets the largest there are, unless the knob says that nobody is near.
large_bursts() {
	ip netns exec right tc qdisc del dev eth0 root
	flow inet -n $((4 << 20)) || return 1
	flow xtcp -n $((4 << 20)) && [ "$skb" -gt 30000 ]
}

# What TCP_INFO tells follows the window, and the ratios.
ratios() {
	local usual
	ip netns exec right tc qdisc replace dev eth0 root netem delay 40ms
	flow xtcp -n 60000 && [ "$pacing" -gt 100000 ] && [ "$pacing" -lt 20000000 ] || return 1
	usual=$pacing
	knob pacing_ss_ratio 20
	knob pacing_ca_ratio 20
	flow xtcp -n 60000
	knob pacing_ss_ratio 200
	knob pacing_ca_ratio 120
	[ "$pacing" -lt $((usual / 3)) ]
}

# 500000 bytes at 500000 per second. Native TCP makes up for late timers, to twice the rate.
paced() {
	link "$@"
	ip netns exec right tc qdisc del dev eth0 root 2>/dev/null
	flow inet -n 500000 -r 500000 && [ "$ms" -gt 450 ] && [ "$ms" -lt 1500 ] || return 1
	flow xtcp -n 500000 -r 500000 && [ "$ms" -gt 800 ] && [ "$ms" -lt 1500 ] &&
		[ "$pacing" -le 500000 ]
}

# A rule selects by source port, which connect() has not got when it first asks for a route; the
# one it is told then leads nowhere.
route_by_port() {
	local status=0
	ip -n left link add nowhere type dummy
	ip -n left link set nowhere up
	ip -n left route add 10.9.0.2/32 dev nowhere src 10.9.0.1
	ip -n left route add 10.9.0.2/32 dev eth0 src 10.9.0.1 table 7
	ip -n left rule add ipproto tcp sport 10000-60999 lookup 7
	flow inet -n 100000 && flow xtcp -n 100000 || status=1
	ip -n left rule del ipproto tcp sport 10000-60999 lookup 7
	ip -n left link del nowhere
	return $status
}

# With no memory at all for what it sends, a socket still has its first segment.
pressure() {
	local mem before status=0
	mem=$(cat $knobs/mem)
	before=$(xt_counter -n left TCPMemoryPressures)
	link pfifo
	sink inet
	echo 1 2 3 >$knobs/mem
	ip netns exec left "$here/flow" -f xtcp -n 60000 10.9.0.2 $port || status=1
	echo "$mem" >$knobs/mem
	wait "$sink"
	[ "$(xt_counter -n left TCPMemoryPressures)" -gt "$before" ] && return $status
}

ktap_print_header
ktap_set_plan 9
tmp=$(mktemp -d)
xt_netns_pair left right
xt_check "a slow qdisc holds little of one flow, and is never idle" small_queue
xt_check "limit_output_bytes makes it less" knob_limit
xt_check "bursts of a slow flow are small, as min_tso_segs says" small_bursts
xt_check "bursts to a near peer are large" large_bursts
xt_check "the rate follows the window and pacing_ss_ratio, pacing_ca_ratio" ratios
xt_check "SO_MAX_PACING_RATE, kept by our timer" paced pfifo
xt_check "SO_MAX_PACING_RATE, kept by fq" paced fq
xt_check "the route is that of both ports" route_by_port
xt_check "no memory beyond the least, but on it goes" pressure
rm -r "$tmp"
ktap_finished
