#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every cell of loss x reordering x duplication x corruption: bytes both ways at once,
# each pairing of XTCP and native TCP as client and server, all of them compared. Runs
# where waiting costs nothing; a soak visits all 32 cells, a check the corners.
#
#	cells.sh [LOSS REORDER DUPLICATE CORRUPT]	one cell, in percent
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
xt_require tc
xt_require_xtcp
here=$(dirname "$0")
bytes=$(xt_scale 65536 32768 1048576)
[ "$XTCP_FAMILY" = inet ] && pairings='inet-inet' || pairings='xtcp-inet inet-xtcp xtcp-xtcp'

all_cells() {
	local loss reorder duplicate corrupt
	for loss in 0 1 10 30; do
		for reorder in 0 25; do
			for duplicate in 0 5; do
				for corrupt in 0 1; do
					echo "$loss $reorder $duplicate $corrupt"
				done
			done
		done
	done
}

corners() {
	printf '%s\n' '30 25 5 1' '30 0 0 0' '10 25 0 1' '1 0 5 1' '0 25 5 0' '0 0 0 1'
}

worst() {
	printf '%s\n' '30 25 5 1' '0 25 5 1'
}

# The two know each other's address: who is lost to ARP says nothing of TCP.
know() {
	local mac
	mac=$(ip -n "$2" -br link show eth0)
	# shellcheck disable=SC2086
	set -- "$1" "$3" $mac
	ip -n "$1" neigh replace "$2" lladdr "$5" dev eth0 nud permanent
}

# netem_of LOSS REORDER DUPLICATE CORRUPT
netem_of() {
	echo "limit 10000 delay 10ms loss $1% reorder $2% duplicate $3% corrupt $4%"
}

cell() {
	local ns
	for ns in left right; do
		# shellcheck disable=SC2046
		tc -n "$ns" qdisc replace dev eth0 root netem $(netem_of "$@") || return 1
	done
	# shellcheck disable=SC2086
	"$here/cells" "$bytes" $pairings
}

if [ $# = 4 ]; then
	cells=$*
else
	visit=$(xt_scale corners worst all_cells)
	cells=$($visit)
fi
ktap_print_header
ktap_set_plan "$(wc -l <<<"$cells")"
xt_netns_pair left right
know left right 10.9.0.2
know right left 10.9.0.1
# Where half of the round trips fail, one connection in a hundred would be given up.
for ns in left right; do
	ip netns exec $ns sh -c 'echo 20 >/proc/sys/net/ipv4/tcp_syn_retries'
	ip netns exec $ns sh -c 'echo 100 >/proc/sys/net/ipv4/tcp_retries2'
	[ "$XTCP_FAMILY" = inet ] || ip netns exec $ns sh -c 'echo 100 >/proc/sys/net/xtcp/retries2'
done
while read -r loss reorder duplicate corrupt; do
	xt_check "loss $loss %, reordering $reorder %, duplication $duplicate %, corruption $corrupt %" \
		cell "$loss" "$reorder" "$duplicate" "$corrupt"
done <<<"$cells"
ktap_finished
