#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What else in the kernel has a say in a segment: firewall, NAT, NFQUEUE, IPsec,
# cgroup programs, VRFs and bound devices. XTCP obeys each as native TCP does: every
# case runs over native TCP first, and expects the same.
#
# Namespace right runs the TCP under test, left always native TCP.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
xt_require nft conntrack ethtool ip
xt_require_xtcp
here=$(dirname "$0")
tmp=$(mktemp -d)
patience=60000	# ms for what must work
short=1500	# ms for what must not
cgroup=/sys/fs/cgroup/nb-$$
family=inet

# gone: the namespaces and all that runs in them.
gone() {
	{
		xt_cleanup
		wait
	} 2>/dev/null
	xt_namespaces=()
}

# fresh: two new namespaces; whatever ran in the old ones is gone.
fresh() {
	gone
	xt_netns_pair left right
}

in_right() {
	ip netns exec right env "XTCP_FAMILY=$family" "$@"
}

in_left() {
	ip netns exec left env XTCP_FAMILY=inet "$@"
}

# serve PORT [ADDRESS [option...]]: a listener in right.
serve() {
	ip netns exec right env "XTCP_FAMILY=$family" "$here/nb_tcp" "${@:3}" listen "${2:-0.0.0.0}" "$1" &
	XTCP_FAMILY=$family xt_wait 60 xt_listening -n right "$1"
}

serve_left() {
	ip netns exec left env XTCP_FAMILY=inet "$here/nb_tcp" listen 0.0.0.0 "$1" &
	XTCP_FAMILY=inet xt_wait 60 xt_listening -n left "$1"
}

# reach WANTED PORT [ADDRESS [option...]]: left connects to right; the answer begins so.
reach() {
	local wanted=$1 time=$patience got
	[ "$wanted" != EINPROGRESS ] || time=$short
	got=$(in_left "$here/nb_tcp" -t "$time" "${@:4}" connect "${3:-10.9.0.2}" "$2")
	[[ $got == $wanted* ]] || { echo "# wanted $wanted, got ${got:-nothing}"; return 1; }
}

# leave WANTED PORT [ADDRESS [option...]]: right connects to left.
leave() {
	local wanted=$1 time=$patience got
	[ "$wanted" != EINPROGRESS ] || time=$short
	got=$(in_right "$here/nb_tcp" -t "$time" "${@:4}" connect "${3:-10.9.0.1}" "$2")
	[[ $got == $wanted* ]] || { echo "# wanted $wanted, got ${got:-nothing}"; return 1; }
}

firewall() {
	in_right nft -f - <<-'END'
	table inet filter {
		chain input {
			type filter hook input priority filter; policy drop;
			ct state established,related accept
			ct state invalid drop
			tcp dport 5001 ct state new accept
		}
	}
	END
}

# conntrack_has STATE PORT: an entry in that state for connections to PORT, seen both ways.
conntrack_has() {
	in_right conntrack -L -p tcp 2>/dev/null | grep -E " $1 .*dport=$2 .*\[ASSURED\]" >/dev/null
}

firewall_cases() {
	local pid
	xt_check "$family, $1: an admitted port is reached" reach ok 5001
	xt_check "$family, $1: another is not" reach EINPROGRESS 5002
	xt_check "$family, $1: answers to own connections come in" leave ok 5003
	in_right conntrack -F 2>/dev/null
	ip netns exec left env XTCP_FAMILY=inet "$here/nb_tcp" -s 600000 connect 10.9.0.2 5001 >/dev/null &
	pid=$!
	xt_check "$family, $1: conntrack says ESTABLISHED" xt_wait 60 conntrack_has ESTABLISHED 5001
	{
		kill "$pid"
		wait "$pid"
	} 2>/dev/null
	xt_check "$family, $1: and TIME_WAIT behind the FINs" xt_wait 60 conntrack_has TIME_WAIT 5001
}

# The hook may be registered before conntrack's or behind.
test_firewall() {
	fresh
	firewall
	serve 5001 && serve 5002 && serve_left 5003
	firewall_cases 'firewall first'
	fresh
	serve 5001 && serve 5002 && serve_left 5003
	firewall
	firewall_cases 'sockets first'
}

test_dnat() {
	fresh
	ip -n right addr add 10.9.7.7/32 dev lo
	in_right nft -f - <<-'END'
	table ip nat {
		chain prerouting {
			type nat hook prerouting priority dstnat;
			tcp dport 80 redirect to :5001
			tcp dport 81 dnat to 10.9.7.7:5002
		}
	}
	END
	serve 5001 0.0.0.0 -o "$tmp/original.5001" && serve 5002 10.9.7.7 -o "$tmp/original.5002"
	xt_check "$family, DNAT: redirected to a listener's port" reach ok 80
	xt_check "$family, DNAT: to another address" reach ok 81
	xt_check "$family, DNAT: SO_ORIGINAL_DST is the port asked for" \
		grep -qx 10.9.0.2:80 "$tmp/original.5001"
	xt_check "$family, DNAT: and the address asked for" grep -qx 10.9.0.2:81 "$tmp/original.5002"
	xt_check "$family, DNAT: the entry is assured" \
		eval 'in_right conntrack -L -p tcp 2>/dev/null | grep -q "dport=81 src=10.9.7.7 .*ASSURED"'
}

# queued VERDICT WANTED: all segments to the listener wait for a verdict of user space.
queued() {
	local pid status=0
	ip netns exec right "$here/nb_queue" 0 "$1" >"$tmp/queue" &
	pid=$!
	xt_wait 60 eval 'ip netns exec right cat /proc/net/netfilter/nfnetlink_queue | grep -q .' || status=1
	reach "$2" 5001 || status=1
	kill "$pid"
	wait "$pid"
	[ "$(sed -n 's/^seen //p' "$tmp/queue")" -ge "$3" ] || { echo "# $(cat "$tmp/queue")"; status=1; }
	return "$status"
}

test_queue() {
	fresh
	in_right nft -f - <<-'END'
	table inet filter {
		chain input {
			type filter hook input priority filter;
			tcp dport 5001 queue num 0
		}
	}
	END
	serve 5001
	xt_check "$family, NFQUEUE: accepted one by one" queued accept ok 4
	xt_check "$family, NFQUEUE: dropped" queued drop EINPROGRESS 1
}

# esp NETNS: what both ends must know of the two associations.
esp() {
	local from to
	for from in 1 2; do
		to=$((3 - from))
		ip -n "$1" xfrm state add src 10.9.0.$from dst 10.9.0.$to proto esp spi 0x10$from mode transport \
			auth 'hmac(sha1)' 0x0102030405060708090a0b0c0d0e0f1011121314 \
			enc 'cbc(aes)' 0x0102030405060708090a0b0c0d0e0f10 || return 1
	done
}

# policies NETNS SELF PEER: TCP only by ESP.
policies() {
	ip -n "$1" xfrm policy add src "$2" dst "$3" proto tcp dir out \
		tmpl src "$2" dst "$3" proto esp mode transport &&
		ip -n "$1" xfrm policy add src "$3" dst "$2" proto tcp dir in \
			tmpl src "$3" dst "$2" proto esp mode transport
}

esp_used() {
	ip -n right -s xfrm state list spi 0x101 | grep -A 1 'lifetime current' | grep -qv ' 0(bytes)'
}

policy_drops() {
	ip netns exec right grep -q '^XfrmIn.*[1-9]$' /proc/net/xfrm_stat
}

test_ipsec() {
	fresh
	esp left && esp right && policies right 10.9.0.2 10.9.0.1 && policies left 10.9.0.1 10.9.0.2
	serve 5001 && serve_left 5003
	xt_check "$family, IPsec: a listener is reached by ESP" reach ok 5001
	xt_check "$family, IPsec: a peer is" leave ok 5003
	xt_check "$family, IPsec: the association carried it" esp_used
	ip -n left xfrm policy flush
	xt_check "$family, IPsec: cleartext is dropped where policy wants ESP" reach EINPROGRESS 5001
	xt_check "$family, IPsec: and counted" policy_drops
}

# filtered DIRECTION PORTFIELD VERDICT WANTED SEEN: with a program on the listener's cgroup.
filtered() {
	local status=0 seen
	"$here/nb_bpf" "$cgroup" "$1" "$2" 5001 "$3" bash -c "$(declare -f reach in_left)
		here='$here' patience=$patience short=$short; reach '$4' 5001" >"$tmp/bpf" || status=1
	seen=$(sed -n 's/^seen //p' "$tmp/bpf")
	[ "${seen:-0}" -ge "$5" ] || status=1
	[ "$status" = 0 ] || sed 's/^/# /' "$tmp/bpf"
	return "$status"
}

test_cgroup() {
	fresh
	mkdir -p "$cgroup"
	(echo "$BASHPID" >"$cgroup/cgroup.procs" && serve 5001)
	xt_check "$family, cgroup: its ingress program sees the segments" filtered ingress dest pass ok 4
	xt_check "$family, cgroup: its egress program, SYN-ACK included" filtered egress source pass ok 3
	xt_check "$family, cgroup: what ingress refuses is dropped" filtered ingress dest drop EINPROGRESS 1
	xt_check "$family, cgroup: what egress refuses is, the SYN-ACK too" \
		filtered egress source drop EINPROGRESS 1
	xt_check "$family, cgroup: and nothing when they are gone" reach ok 5001
}

test_device() {
	fresh
	ip link add eth1 netns left type veth peer name eth1 netns right
	ip -n left addr add 10.9.1.1/24 dev eth1
	ip -n right addr add 10.9.1.2/24 dev eth1
	ip -n left link set eth1 up
	ip -n right link set eth1 up
	serve 5001 0.0.0.0 -d eth0 && serve_left 5003
	xt_check "$family, bound to a device: reached by it" reach ok 5001
	xt_check "$family, bound to a device: not by another" reach ECONNREFUSED 5001 10.9.1.2
	serve 5002 0.0.0.0 -d eth0 && serve 5002 0.0.0.0 -d eth1
	xt_check "$family, one port on two devices: the one" reach ok 5002
	# serve cannot tell whether both listen already.
	xt_check "$family, one port on two devices: the other" xt_wait 60 reach ok 5002 10.9.1.2
	xt_check "$family, bound to a device: leaves by it" leave ok 5003 10.9.1.1 -d eth1
}

test_vrf() {
	fresh
	ip -n right link add red type vrf table 10
	ip -n right link set red up
	ip -n right link set eth0 master red
	serve 5001 0.0.0.0 -d red && serve 5002 && serve 5004 0.0.0.0 -d eth0 && serve_left 5003
	xt_check "$family, VRF: a listener in it is reached" reach ok 5001
	xt_check "$family, VRF: one bound to its device is" reach ok 5004
	xt_check "$family, VRF: one outside is not" reach ECONNREFUSED 5002
	in_right sysctl -qw net.ipv4.tcp_l3mdev_accept=1
	xt_check "$family, VRF: but is with tcp_l3mdev_accept" reach ok 5002
	xt_check "$family, VRF: a connection leaves by it" leave ok 5003 10.9.0.1 -d red
}

# bulk BYTES: both ways at once; SHA-256 equal at both ends.
bulk() {
	local server status=0
	"$here/xfer" -g 1 "$1" | ip netns exec right "$here/xfer" -f "$family" -l 5001 |
		sha256sum >"$tmp/at-right" &
	server=$!
	XTCP_FAMILY=$family xt_wait 60 xt_listening -n right 5001
	"$here/xfer" -g 2 "$1" | ip netns exec left "$here/xfer" -f inet -c 10.9.0.2 5001 |
		sha256sum >"$tmp/at-left" || status=1
	wait "$server" || status=1
	[ "$("$here/xfer" -g 2 "$1" | sha256sum)" = "$(cat "$tmp/at-right")" ] &&
		[ "$("$here/xfer" -g 1 "$1" | sha256sum)" = "$(cat "$tmp/at-left")" ] && return "$status"
}

# GRO merges what has no native socket into lists of whole packets, if asked to (6.10).
test_gro() {
	fresh
	ip netns exec left ethtool -K eth0 tso off gso off >/dev/null
	ip netns exec right ethtool -K eth0 gro on >/dev/null
	xt_check "$family, GRO: single segments merged" bulk $((2 << 20))
	ip netns exec right ethtool -K eth0 rx-gro-list on >/dev/null
	xt_check "$family, GRO: merged into lists" bulk $((2 << 20))
}

# flap: the route changes, its exceptions are flushed, it is away for a moment.
flap() {
	local mtu
	for mtu in 1400 1500 576 1500; do
		ip -n right route change 10.9.0.0/24 dev eth0 src 10.9.0.2 mtu "$mtu"
		ip -n right route flush cache
		ip -n right route add blackhole 10.9.0.1/32
		ip -n right route del blackhole 10.9.0.1/32
	done
}

while_flapping() {
	local pid status
	touch "$tmp/flapping"
	while [ -e "$tmp/flapping" ]; do flap; sleep 0.1; done 2>/dev/null &
	pid=$!
	"$@"
	status=$?
	# Killed, it could leave its blackhole behind.
	rm "$tmp/flapping"
	wait "$pid"
	return "$status"
}

test_route() {
	fresh
	xt_check "$family, route: that changes under a transfer" while_flapping bulk $((2 << 20))
	[ "$family" = xtcp ] || return 0
	ip -n right route replace 10.9.0.0/24 dev eth0 src 10.9.0.2 advmss 1
	serve 5002 && serve_left 5003
	xt_check "$family, route: advmss 1, a listener" reach ok 5002
	xt_check "$family, route: advmss 1, a connection" leave ok 5003
}

# Of the namespace that stands: only what is XTCP's went through XTCP.
test_taken() {
	local taken=0
	[ ! -e /proc/net/xtcp_netstat ] || taken=$(xt_counter -n right SegmentsTaken)
	if [ "$family" = inet ]; then
		xt_check "inet: XTCP took no segment" [ "$taken" = 0 ]
	else
		xt_check "xtcp: XTCP took the segments" [ "$taken" -gt 4 ]
	fi
}

tests=${*:-firewall dnat queue ipsec cgroup device vrf gro route}
declare -A points=([firewall]=10 [dnat]=5 [queue]=2 [ipsec]=5 [cgroup]=5 [device]=5 [vrf]=5 [gro]=2 [route]=1)
# The slow kernel looks at XTCP; what native TCP does the others have said.
families=$(xt_scale 'inet xtcp' xtcp 'inet xtcp')
[ "$XTCP_FAMILY" != inet ] || families=inet

plan=0
for name in $tests; do
	plan=$((plan + points[$name] + 1))
done
plan=$((plan * $(wc -w <<<"$families")))
# What a route's advmss does to native TCP is not asked.
[[ " $tests " != *" route "* || $families != *xtcp* ]] || plan=$((plan + 2))
ktap_print_header
ktap_set_plan "$plan"
for name in $tests; do
	for family in $families; do
		"test_$name"
		test_taken
	done
done
gone
rmdir "$cgroup" 2>/dev/null
rm -rf "$tmp"
ktap_finished
