#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Bytes both ways at once between XTCP and native TCP, and XTCP to XTCP, through a
# network that loses, delays, reorders, duplicates and corrupts; SHA-256 equal.
# The three run beside each other.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
xt_require tc sha256sum
xt_require_xtcp
xfer=$(dirname "$0")/xfer
bytes=$(($(xt_scale 16 1 200) << 20))
network='loss 2% delay 20ms 5ms reorder 5% duplicate 1% corrupt 0.5%'
[ "$XTCP_FAMILY" = inet ] && kinds='inet-inet' || kinds='xtcp-inet inet-xtcp xtcp-xtcp'

# transfer NAME LEFT RIGHT PORT: the client is left.
transfer() {
	local name=$1 left=$2 right=$3 port=$4 server client status=0
	{
		$xfer -g "$port" "$bytes" | ip netns exec right "$xfer" -f "$right" -l "$port" |
			sha256sum >"$tmp/$name.right"
		[ "${PIPESTATUS[*]}" = '0 0 0' ]
	} &
	server=$!
	XTCP_FAMILY=$right xt_wait 120 xt_listening -n right "$port"
	{
		$xfer -g "1$port" "$bytes" | ip netns exec left "$xfer" -f "$left" -c 10.9.0.2 "$port" |
			sha256sum >"$tmp/$name.left"
		[ "${PIPESTATUS[*]}" = '0 0 0' ]
	} &
	client=$!
	wait "$client" || status=1
	wait "$server" || status=1
	return "$status"
}

same() {
	[ "$($xfer -g "$2" "$bytes" | sha256sum)" = "$(cat "$1")" ]
}

# Each segment of an XTCP connection was taken by XTCP's hook.
taken() {
	local ns
	for ns in left right; do
		[ "$(xt_counter -n $ns SegmentsTaken)" -gt $((bytes / 65536)) ] || return 1
	done
}

ktap_print_header
# shellcheck disable=SC2086
set -- $kinds
ktap_set_plan $(($# * 3 + 1))
tmp=$(mktemp -d)
xt_netns_pair left right
for ns in left right; do
	# shellcheck disable=SC2086
	ip netns exec $ns tc qdisc add dev eth0 root netem limit 10000 $network || exit 1
done

port=30400 pids=()
for kind in "$@"; do
	port=$((port + 1))
	transfer "$kind" "${kind%-*}" "${kind#*-}" $port &
	pids+=($!)
done
port=30400
for kind in "$@"; do
	port=$((port + 1))
	xt_check "$kind: both ends finish" wait "${pids[port - 30401]}"
	xt_check "$kind: what the server got" same "$tmp/$kind.right" 1$port
	xt_check "$kind: what the client got" same "$tmp/$kind.left" $port
done
if [ "$XTCP_FAMILY" = inet ]; then
	ktap_test_skip "segments went through XTCP"
else
	xt_check "segments went through XTCP" taken
fi
rm -r "$tmp"
ktap_finished
