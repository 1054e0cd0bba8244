#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tracepoints: a connection's states on both sides, a RST with its reason where it
# is sent and where it arrives, SYNs sent again, the segment that ends as a drop.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
here=$(dirname "$0")
tmp=$(mktemp -d)
events=/sys/kernel/tracing/events/xtcp

hold() {
	mkfifo "$tmp/$1.in" "$tmp/$1.out"
	ip netns exec xt_t "$here/proc_hold" "$@" <"$tmp/$1.in" >"$tmp/$1.out" &
	exec {held}>"$tmp/$1.in"
	[ "$(head -n 1 "$tmp/$1.out")" = ready ]
}

release() {
	exec {held}>&-
	wait
}

# seen PATTERN: at least one line of the trace.
seen() {
	grep -qE "$1" "$tmp/trace" || { grep xtcp_ "$tmp/trace" | sed 's/^/# /' | tail -n 40; return 1; }
}

unseen() {
	! grep -E "$1" "$tmp/trace" | sed 's/^/# /' | grep .
}

edge() {
	seen "xtcp_state: skaddr=\S+ local=$1 remote=$2 oldstate=$3 newstate=$4$"
}

finish() {
	echo 0 >$events/enable
	rm -rf "$tmp"
	xt_cleanup
}
trap finish EXIT

xt_require_xtcp
xt_require ip
ktap_print_header
ktap_set_plan 16

xt_check "every tracepoint is there" \
	test "$(cd $events && echo xtcp_*)" = "xtcp_drop xtcp_illegal_edge xtcp_port_watermark xtcp_receive_reset xtcp_retransmit_skb xtcp_send_reset xtcp_state"
xt_netns xt_t
echo >/sys/kernel/tracing/trace
echo 1 >$events/enable
ip netns exec xt_t sysctl -qw net.xtcp.abort_on_overflow=1 net.xtcp.ack_hold_us=200000
xt_check "connections are reset" hold reset
release
cat /sys/kernel/tracing/trace >"$tmp/trace"
client=127.0.0.1:21001 server=127.0.0.1:8001
xt_check "listener" edge $server 0.0.0.0:0 CLOSE LISTEN
xt_check "client: CLOSE to SYN_SENT" edge '\S+' $server CLOSE SYN_SENT
xt_check "client: SYN_SENT to ESTABLISHED" edge $client $server SYN_SENT ESTABLISHED
xt_check "server: SYN_RECV to ESTABLISHED" edge $server $client SYN_RECV ESTABLISHED
xt_check "server: ESTABLISHED to CLOSE" edge $server $client ESTABLISHED CLOSE
xt_check "the RST as it is sent, and why" \
	seen "xtcp_send_reset: .* local=$server remote=$client state=ESTABLISHED reason=UNREAD_DATA"
xt_check "that of SO_LINGER" \
	seen "xtcp_send_reset: .* local=127.0.0.1:21002 remote=$server state=ESTABLISHED reason=LINGER"
xt_check "that for data after close()" \
	seen "xtcp_send_reset: .* local=$server remote=127.0.0.1:21003 state=FIN_WAIT2 reason=DATA_AFTER_CLOSE"
xt_check "that of abort_on_overflow" \
	seen "xtcp_send_reset: .* local=127.0.0.1:8002 remote=127.0.0.1:21004 .*reason=OVERFLOW"
xt_check "the RST as it arrives" \
	seen "xtcp_receive_reset: .* local=$client remote=$server state=ESTABLISHED"
xt_check "its segment ends as a drop" \
	seen "xtcp_drop: .* local=$client remote=$server reason=TCP_RESET"

ip netns exec xt_t nft add table inet lose
ip netns exec xt_t nft add chain inet lose input '{ type filter hook input priority 0; }'
ip netns exec xt_t nft add rule inet lose input tcp sport 8003 tcp flags '& (syn|ack) == syn|ack' drop
hold each
xt_wait 60 grep -q "xtcp_retransmit_skb: .*:8003 " /sys/kernel/tracing/trace
release
cat /sys/kernel/tracing/trace >"$tmp/trace"
xt_check "a SYN sent again" \
	seen "xtcp_retransmit_skb: .* local=127.0.0.1:21007 remote=127.0.0.1:8003 state=SYN_SENT seq=[0-9]+ end_seq=[0-9]+"
xt_check "FIN_WAIT1 to FIN_WAIT2" edge 127.0.0.1:21006 $server FIN_WAIT1 FIN_WAIT2
xt_check "no step was refused" unseen xtcp_illegal_edge:
ktap_finished
