#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Early demux: segments of a connection take the route of the one before, and yet obey
# what happens to routes, devices and firewalls meanwhile, as native TCP's do, which runs
# first.
#
# Namespace right runs the TCP under test, left always native TCP.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
xt_require nft ip
xt_require_xtcp
here=$(dirname "$0")
family=inet

# gone: the namespaces and all that runs in them.
gone() {
	exec 3>&- 4<&-
	{
		xt_cleanup
		wait
	} 2>/dev/null
	xt_namespaces=()
}

fresh() {
	gone
	xt_netns_pair left right
}

# serve [option...]: an echo in right at port 5001.
serve() {
	ip netns exec right env "XTCP_FAMILY=$family" "$here/nb_tcp" "$@" listen 0.0.0.0 5001 &
	XTCP_FAMILY=$family xt_wait 20 xt_listening -n right 5001
}

# dial PORT: left connects to right and says line by line what comes through its fifo.
dial() {
	mkfifo "$tmp/say" "$tmp/hear" 2>/dev/null
	ip netns exec left bash -c "exec 3<>/dev/tcp/10.9.0.2/$1 && { cat <&3 & exec cat >&3; }" \
		<"$tmp/say" >"$tmp/hear" 2>/dev/null &
	exec 3>"$tmp/say" 4<"$tmp/hear"
}

# said SECONDS: a line goes to right and back.
said() {
	local line
	line=$((++lines))
	echo "$line" >&3
	while IFS= read -r -t "$1" -u 4 got; do
		[ "$got" != "$line" ] || return 0
	done
	return 1
}

unsaid() {
	! said 1
}

hits() {
	[ "$family" = inet ] && return
	xt_counter -n right EarlyDemux
}

# moved BEFORE: XTCP found routes early since then; native TCP has no counter of that.
moved() {
	[ "$family" = inet ] || [ "$(hits)" -gt "$1" ]
}

stands() {
	[ "$family" = inet ] || [ "$(hits)" = "$1" ]
}

# talk: lines enough that the connection is known and has its route.
talk() {
	said 10 && said 10 && said 10
}

test_route() {
	local before
	fresh
	serve
	dial 5001
	before=$(hits)
	xt_check "$family: a connection's segments are answered" talk
	xt_check "$family: and found their route early" moved "$before"

	ip -n right addr del 10.9.0.2/24 dev eth0
	before=$(hits)
	xt_check "$family: not when the address is gone" unsaid
	xt_check "$family: and the old route served none" stands "$before"
	ip -n right addr add 10.9.0.2/24 dev eth0
	xt_check "$family: and again when it is back" said 10

	ip -n right rule add pref 10 lookup local
	ip -n right rule add pref 5 from 10.9.0.1 iif eth0 blackhole
	ip -n right rule del pref 0
	xt_check "$family: not when a rule forbids it" unsaid
	ip -n right rule del pref 5
	xt_check "$family: and again without the rule" said 10
}

# Left sends by another pair; right would answer by the first, so that rp_filter refuses.
test_device() {
	local mac
	fresh
	ip link add eth1 netns left type veth peer name eth1 netns right
	ip -n left link set eth1 up
	ip -n right link set eth1 up
	ip netns exec right sysctl -qw net.ipv4.conf.all.rp_filter=1
	serve
	dial 5001
	xt_check "$family: with rp_filter by the right device" talk
	mac=$(ip -n right -o link show eth1 | sed 's/.*ether \([^ ]*\).*/\1/')
	ip -n left neigh add 10.9.0.2 lladdr "$mac" dev eth1
	ip -n left route add 10.9.0.2/32 dev eth1 src 10.9.0.1
	xt_check "$family: not by another, whose route is looked up" unsaid
	ip -n left route del 10.9.0.2/32 dev eth1
	xt_check "$family: and again by the first" said 10
}

test_knob() {
	local before
	[ "$family" = xtcp ] || return
	fresh
	serve
	dial 5001
	xt_check "early_demux=1: segments are answered" talk
	ip netns exec right sysctl -qw net.xtcp.early_demux=0
	before=$(hits)
	xt_check "early_demux=0: they are too" talk
	xt_check "early_demux=0: by routes looked up" stands "$before"
}

test_vrf() {
	local before
	fresh
	ip -n right link add red type vrf table 10
	ip -n right link set red up
	ip -n right link set eth0 master red
	serve -d red
	dial 5001
	before=$(hits)
	xt_check "$family, VRF: segments are answered" talk
	xt_check "$family, VRF: and found their route early" moved "$before"
}

test_dnat() {
	local before
	fresh
	ip netns exec right nft -f - <<-'END'
	table ip nat {
		chain prerouting {
			type nat hook prerouting priority dstnat;
			tcp dport 80 redirect to :5001
		}
	}
	END
	serve
	dial 80
	before=$(hits)
	xt_check "$family, DNAT: segments are answered" talk
	xt_check "$family, DNAT: and found their route early" moved "$before"
}

taken() {
	xt_counter -n right EarlyTaken
}

# Without a firewall a segment is taken at once; one that comes amid a connection rules.
test_taken() {
	local before
	[ "$family" = xtcp ] || return
	fresh
	serve
	dial 5001
	before=$(taken)
	talk
	xt_check "no firewall: segments are taken at once" [ "$(taken)" -gt "$before" ]
	ip netns exec right nft 'add table ip f; add chain ip f in { type filter hook input priority 0; }'
	before=$(taken)
	xt_check "a firewall: segments are answered" talk
	xt_check "a firewall: and none is taken before it saw it" [ "$(taken)" = "$before" ]
	ip netns exec right nft add rule ip f in tcp dport 5001 drop
	xt_check "a firewall that drops them: no answer" unsaid
	ip netns exec right nft delete table ip f
	xt_check "and again without it" said 10
	before=$(taken)
	talk
	xt_check "and taken at once" [ "$(taken)" -gt "$before" ]
}

lines=0
tmp=$(mktemp -d)
families=$(xt_scale 'inet xtcp' xtcp 'inet xtcp')
[ "$XTCP_FAMILY" != inet ] || families=inet
plan=0
for family in $families; do
	plan=$((plan + 14))
	[ "$family" = inet ] || plan=$((plan + 9))
done
ktap_print_header
ktap_set_plan "$plan"
for family in $families; do
	test_route
	test_device
	test_knob
	test_taken
	test_vrf
	test_dnat
done
gone
rm -rf "$tmp"
ktap_finished
