#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ss and nstat, unmodified, read XTCP's files under /proc/net as they read native
# TCP's: the same sockets of both TCPs make the same listing.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
here=$(dirname "$0")
tmp=$(mktemp -d)

# hold NETNS FAMILY [ARGUMENT...]: sockets of the family in the namespace, until release.
hold() {
	local ns=$1 family=$2
	shift 2
	mkfifo "$tmp/in.$ns" "$tmp/out.$ns"
	XTCP_FAMILY=$family ip netns exec "$ns" "$here/proc_hold" "$@" <"$tmp/in.$ns" >"$tmp/out.$ns" &
	exec {held}>"$tmp/in.$ns"
	[ "$(head -n 1 "$tmp/out.$ns")" = ready ]
}

release() {
	exec {held}>&-
	wait
}

lose_synacks() {
	ip netns exec "$1" nft -f - <<-'END'
	table inet lose {
		chain input {
			type filter hook input priority 0
			tcp sport 8003 tcp flags & (syn | ack) == syn | ack drop
		}
	}
	END
}

# State, queues, addresses and kind of timer; of full queues only that they are.
listing() {
	local ns=$1 name=$2
	ip netns exec "$ns" env PROC_NET_TCP="/proc/net/$name" PROC_NET_TCP6="/proc/net/${name}6" \
		ss -Htano | sed -E 's/timer:\(([a-z]+)[^)]*\)/\1/' |
		awk '/:21008/ { if ($2) $2 = "full"; if ($3) $3 = "full" } { print $1, $2, $3, $4, $5, $6 }' |
		sort >"$tmp/$name"
}

same_as_native() {
	diff "$tmp/tcp" "$tmp/xtcp" >"$tmp/diff" && return
	sed 's/^/# /' "$tmp/diff"
	return 1
}

# shows PATTERN: exactly one line of XTCP's listing matches.
shows() {
	[ "$(grep -cE "$1" "$tmp/xtcp")" = 1 ] || { sed 's/^/# /' "$tmp/xtcp"; return 1; }
}

listed_in() {
	[ "$(ip netns exec "$1" cat /proc/net/xtcp | wc -l)" = "$2" ]
}

established() {
	local lines
	lines=$(grep -cE '^(ESTAB|CLOSE-WAIT)' "$tmp/xtcp")
	[ "$(xt_counter -n xt_x CurrEstab)" = "$lines" ] || {
		echo "# CurrEstab $(xt_counter -n xt_x CurrEstab), listed $lines"
		return 1
	}
}

# column GROUP:NAME of the saved file.
column() {
	awk -v group="${1%:*}:" -v name="${1#*:}" '$1 == group && !at { for (at = NF; $at != name; at--); next }
		$1 == group { print $at }' "$tmp/netstat"
}

# Each group's counters under the names that nstat makes of them, with the same values.
nstat_reads() {
	local name value status=0
	ip netns exec xt_x cat /proc/net/xtcp_netstat >"$tmp/netstat"
	NSTAT_HISTORY="$tmp/history" PROC_NET_NETSTAT="$tmp/netstat" PROC_NET_SNMP=/dev/null \
		nstat -az >"$tmp/nstat"
	for name in Tcp:ActiveOpens Tcp:PassiveOpens TcpExt:TW XTcp:SegmentsTaken; do
		value=$(awk -v name="${name/:/}" '$1 == name { print $2 }' "$tmp/nstat")
		if [ "$value" != "$(column "$name")" ] || [ "${value:-0}" = 0 ]; then
			echo "# nstat: $name is '$value'"
			status=1
		fi
	done
	return $status
}

# Two lines a group, a value for each name.
netstat_format() {
	awk 'NR % 2 { group = $1; n = NF; seen = seen $1; next } $1 != group || NF != n { bad = 1 }
		END { exit bad || seen != "Tcp:TcpExt:XTcp:" }' /proc/net/xtcp_netstat
}

header_like() {
	[ "$(head -n 1 "/proc/net/$1")" = "$(head -n 1 "/proc/net/$2")" ]
}

# Reads that end anywhere in a line neither lose nor double an entry.
whole_in_pieces() {
	local size n=$1 status=0
	for size in 7 150 4096 1000000; do
		ip netns exec xt_m dd if=/proc/net/xtcp bs="$size" status=none >"$tmp/pieces"
		if awk -v n="$n" 'length != 149 || (NR > 1 && $1 != NR - 2 ":") { bad = 1 }
			NR > 1 && seen[$2 $3]++ { bad = 1 } END { exit bad || NR != n + 1 }' "$tmp/pieces"
		then
			continue
		fi
		echo "# in pieces of $size: $(wc -l <"$tmp/pieces") lines for $n entries"
		status=1
	done
	return $status
}

no_listener() {
	! ip netns exec xt_m cat /proc/net/xtcp | awk '$4 == "0A"' | grep -q .
}

finish() {
	rm -rf "$tmp"
	xt_cleanup
}
trap finish EXIT

xt_require_xtcp
xt_require ss nstat nft ip
ktap_print_header
ktap_set_plan 18

xt_check "xtcp has tcp's header" header_like xtcp tcp
xt_check "xtcp6 has tcp6's header" header_like xtcp6 tcp6
xt_check "xtcp_netstat: groups Tcp, TcpExt, XTcp, a value for each name" netstat_format

xt_netns xt_n xt_x xt_o xt_m
lose_synacks xt_n
lose_synacks xt_x
xt_check "native sockets are there" hold xt_n inet
listing xt_n tcp
release
xt_check "XTCP sockets are there" hold xt_x xtcp
listing xt_x xtcp
xt_check "ss lists the same as for native TCP" same_as_native
xt_check "a listener with its queue" shows '^LISTEN 1 0 127.0.0.1:8001 '
xt_check "bytes unread" shows '^ESTAB 10 0 127.0.0.1:8001 127.0.0.1:21001'
xt_check "keepalive timer" shows '^ESTAB 0 0 127.0.0.1:21002 127.0.0.1:8001 keepalive'
xt_check "half-open request with its timer" shows '^SYN-RECV 0 0 127.0.0.1:8003 127.0.0.1:21007 on'
xt_check "TIME_WAIT with its timer" shows '^TIME-WAIT 0 0 127.0.0.1:21005 127.0.0.1:8001 timewait'
xt_check "zero-window probes" shows '^ESTAB 0 full 127.0.0.1:21008 127.0.0.1:8001 persist'
xt_check "CurrEstab is what is listed" established
xt_check "nstat reads the counters" nstat_reads
xt_check "another namespace lists nothing" listed_in xt_o 1
release

n=$(xt_scale 300 30 3000)
xt_check "many connections" hold xt_m xtcp many "$n"
xt_check "listed once each, however it is read" whole_in_pieces $((2 * n + 1))
release
xt_check "no listener is left" no_listener
ktap_finished
