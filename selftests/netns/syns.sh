#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# SYNs whose own route is not looked up (EarlySyns), and SYN-ACKs in the buffer of their
# SYN (SynsReused): each thing that would have a say in the look-up, or in the buffer, has
# it still.
#
# Namespace right runs XTCP, left the kernel's TCP. All SYNs come on one processor, since each
# keeps a route of its own.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
xt_require nft ip python3 taskset
xt_require_xtcp
here=$(dirname "$0")

gone() {
	{
		xt_cleanup
		wait
	} 2>/dev/null
	xt_namespaces=()
}

# fresh [option...]: two hosts, and in right an echo at port 5001 with nb_tcp's options.
fresh() {
	gone
	xt_netns_pair left right
	ip -n left neigh replace 10.9.0.2 lladdr "$(mac eth0)" nud permanent dev eth0
	if [ $# -gt 0 ]; then
		"$@"
	fi
	ip netns exec right env XTCP_FAMILY=xtcp "$here/nb_tcp" "${serve[@]}" listen 0.0.0.0 5001 &
	xt_wait 20 xt_listening -n right 5001
	knock
}

# mac DEVICE: of right's
mac() {
	ip -n right -o link show "$1" | sed 's/.*ether \([^ ]*\).*/\1/'
}

# knock [MS]: a connection from left, a line there and back.
knock() {
	ip netns exec left env XTCP_FAMILY=inet taskset -c 0 "$here/nb_tcp" -t "${1:-10000}" connect 10.9.0.2 5001 \
		>/dev/null
}

count() {
	xt_counter -n right "$1"
}

# moves COUNTER, rests COUNTER: clients are served, and it does. Routes are forgotten whenever a
# link comes up, which the kernel may notice a second later: so more than one may have to knock.
moves() {
	local before tries=5
	knock
	before=$(count "$1")
	while ((tries--)); do
		knock || return
		[ "$(count "$1")" = "$before" ] || return 0
	done
	return 1
}

rests() {
	local before
	before=$(count "$1")
	knock && knock && [ "$(count "$1")" = "$before" ]
}

short_way() {
	moves EarlySyns
}

long_way() {
	rests EarlySyns
}

# Nobody is served, and none went the short way.
no_way() {
	local before
	before=$(count EarlySyns)
	! knock 700 && [ "$(count EarlySyns)" = "$before" ]
}

# refused: by rp_filter, as the kernel counts them
refused() {
	# shellcheck disable=SC2016 # awk's
	ip netns exec right awk '
		$1 == "TcpExt:" && !at { for (i = 2; i <= NF; i++) if ($i == "IPReversePathFilter") at = i; next }
		$1 == "TcpExt:" { print $at }' /proc/net/netstat
}

test_firewall() {
	fresh
	xt_check "a SYN takes the route of the one before" short_way
	ip netns exec right nft 'add table ip f; add chain ip f in { type filter hook input priority 0; }'
	xt_check "not where a firewall is" long_way
	ip netns exec right nft add rule ip f in tcp dport 5001 drop
	xt_check "which drops it" no_way
	ip netns exec right nft delete table ip f
	xt_check "and again without it" short_way
	ip netns exec right nft 'add table ip f; add chain ip f p { type filter hook prerouting priority 0; }'
	xt_check "also behind a chain of prerouting" short_way
	ip netns exec right nft add rule ip f p tcp dport 5001 drop
	xt_check "which drops it" no_way
	ip netns exec right nft delete table ip f
	ip netns exec right sysctl -qw net.xtcp.early_demux=0
	xt_check "early_demux=0: its route is looked up" long_way
}

test_address() {
	fresh
	xt_check "the route stands" short_way
	ip -n right addr del 10.9.0.2/24 dev eth0
	ip -n right route add 10.9.0.0/24 dev eth0
	xt_check "not when the address is gone" no_way
	ip -n right route del 10.9.0.0/24 dev eth0
	ip -n right addr add 10.9.0.2/24 dev eth0
	xt_check "and again when it is back" short_way
	ip -n right route add 10.97.0.0/16 dev eth0 realm 5
	xt_check "not where realms are counted" long_way
	ip -n right route del 10.97.0.0/16 dev eth0
	xt_check "and again without them" short_way
	ip -n right route add local 10.98.0.0/16 dev lo
	xt_check "not with local routes of an administrator's" long_way
	fresh
	ip -n right rule add pref 10 lookup main
	xt_check "not where rules choose the route" long_way
	ip -n right rule add pref 10 lookup local
	ip -n right rule add pref 5 from 10.9.0.1 iif eth0 blackhole
	ip -n right rule del pref 0
	xt_check "and forbid it" no_way
}

test_source() {
	fresh
	ip -n left addr add 10.9.0.77/32 dev lo
	ip -n left route replace 10.9.0.2/32 dev eth0 src 10.9.0.77
	xt_check "another source, the same route" short_way
	ip -n right addr add 10.9.0.77/32 dev lo
	knock 200
	xt_check "not from an address of ours" no_way
	ip -n right addr del 10.9.0.77/32 dev lo
	xt_check "and again when it is another's" short_way
}

# Left sends by another pair; right answers by the first.
test_device() {
	local before
	fresh
	ip link add eth1 netns left type veth peer name eth1 netns right
	ip -n left link set eth1 up
	ip -n right link set eth1 up
	ip -n right addr add 10.9.1.2/24 dev eth1
	ip netns exec right sysctl -qw net.ipv4.conf.all.rp_filter=1
	xt_check "rp_filter=1, the right device" short_way
	ip -n left neigh add 10.9.0.2 lladdr "$(mac eth1)" dev eth1
	ip -n left route add 10.9.0.2/32 dev eth1 src 10.9.0.1
	before=$(refused)
	xt_check "rp_filter=1, another" no_way
	xt_check "and the kernel counted it" [ "$(refused)" -gt "$before" ]
	ip netns exec right sysctl -qw net.ipv4.conf.all.rp_filter=2
	xt_check "rp_filter=2, another" long_way
	ip netns exec right sysctl -qw net.ipv4.conf.all.rp_filter=0
	xt_check "rp_filter=0, another" short_way
}

vrf() {
	ip -n right link add red type vrf table 10
	ip -n right link set red up
	ip -n right link set eth0 master red
}

test_bound() {
	serve=(-d red)
	fresh vrf
	xt_check "not through a VRF" long_way
	serve=(-d eth0)
	fresh
	xt_check "not for a listener that is bound to a device" long_way
	serve=()
}

# forge SOURCE: a SYN from there
forge() {
	ip netns exec left taskset -c 0 python3 - "$1" "$(mac eth0)" <<-'END'
	import socket, struct, sys

	def sum16(data):
	    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
	    total = (total & 0xffff) + (total >> 16)
	    return ~(total + (total >> 16)) & 0xffff

	source, to = socket.inet_aton(sys.argv[1]), bytes.fromhex(sys.argv[2].replace(":", ""))
	ends = source + socket.inet_aton("10.9.0.2")
	tcp = struct.pack("!HHIIBBHHH", 4711, 5001, 1, 0, 0x50, 2, 1000, 0, 0)
	check = sum16(ends + struct.pack("!HH", 6, len(tcp)) + tcp)
	tcp = tcp[:16] + struct.pack("!H", check) + tcp[18:]
	head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + ends
	head = head[:10] + struct.pack("!H", sum16(head)) + head[12:]
	s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
	s.bind(("eth0", 0))
	s.send(to + b"\2\0\0\0\0\1\x08\0" + head + tcp)
	END
}

# A SYN from there is not taken, nor answered by a SYN-ACK, which would leave a request.
unheard() {
	local before
	before=$(count EarlySyns)
	forge "$1" && knock 10000 && [ "$(count EarlySyns)" = $((before + 1)) ]
}

test_forged() {
	local source before
	fresh
	knock
	before=$(count EarlySyns)
	forge 10.9.0.99
	xt_check "from a neighbour that there may be" xt_wait 10 eval "[ \$(count EarlySyns) -gt $before ]"
	for source in 0.0.0.0 0.1.2.3 127.0.0.1 224.0.0.1 255.255.255.255 10.9.0.2 10.9.0.255; do
		xt_check "not from $source" unheard "$source"
	done
}

# reused: the answer to a SYN that its sender has forgotten
reused() {
	local before
	before=$(count SynsReused)
	forge 10.9.0.1
	xt_wait 10 eval "[ \$(count SynsReused) -gt $before ]"
}

# watched: somebody hears SYN and answer as they were, from and to whom.
watched() {
	local before
	before=$(count SynsReused)
	forge 10.9.0.1
	xt_wait 10 grep -q '^02 12 .*0a090001 0a090002' "$tmp/seen" && [ "$(count SynsReused)" = "$before" ]
}

# The SYN's buffer is for the answer only where nobody else sees it.
test_reused() {
	fresh
	ip netns exec right sysctl -qw "net.xtcp.syncookies=$1"
	xt_check "$2 in the SYN's buffer" reused
	xt_check "not in one that its sender keeps" rests SynsReused
	ip netns exec right python3 -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("eth0", 3))
print("ready", flush=True)
seen = {}
while True:
    frame = s.recv(2000)
    if frame[12:14] == b"\x08\0" and frame[23] == 6:
        seen[frame[47]] = frame[26:30].hex()
        print(" ".join("%02x" % flags for flags in seen), seen.get(2, ""), seen.get(18, ""), flush=True)
' >"$tmp/seen" &
	xt_wait 20 grep -q ready "$tmp/seen"
	xt_check "nor while somebody else sees it" watched
}

serve=()
tmp=$(mktemp -d)
ktap_print_header
ktap_set_plan 39
test_firewall
test_address
test_source
test_device
test_bound
test_forged
test_reused 1 "a request's answer"
test_reused 2 "a cookie"
gone
rm -rf "$tmp"
ktap_finished
