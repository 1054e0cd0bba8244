# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Helpers of the shell tests.  Use:
#
#	. "$(dirname "$0")/../lib/common.sh"
#	ktap_print_header; ktap_set_plan 2
#	xt_check "what it proves" command...
#	ktap_finished

xt_lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=/dev/null
. "$xt_lib/../kselftest/ktap_helpers.sh"

# How much to do: check (seconds), debug (the slow kernel: less), soak (all of it).
XTCP_MODE=${XTCP_MODE:-check}
# Which TCP: xtcp, or inet for the kernel's own, the oracle.
XTCP_FAMILY=${XTCP_FAMILY:-xtcp}

# xt_scale CHECK DEBUG SOAK: the one for this mode.
xt_scale() {
	case $XTCP_MODE in
	debug) echo "$2" ;;
	soak) echo "$3" ;;
	*) echo "$1" ;;
	esac
}

# xt_check NAME COMMAND...: one test point, passed if the command is.
xt_check() {
	local name=$1
	shift
	if "$@"; then
		ktap_test_pass "$name"
	else
		ktap_test_fail "$name"
	fi
}

# xt_require COMMAND...: skip the whole test where a tool is missing.
xt_require() {
	local tool
	for tool in "$@"; do
		command -v "$tool" >/dev/null && continue
		ktap_skip_all "no $tool"
		exit "$KSFT_SKIP"
	done
}

# xt_require_xtcp: without the module everything would silently run over native TCP.
xt_require_xtcp() {
	[ "$XTCP_FAMILY" != xtcp ] || [ -e /proc/net/xtcp_netstat ] || {
		echo "Bail out! xtcp is not loaded"
		exit 1
	}
}

# xt_counter [-n NETNS] NAME: a counter of /proc/net/xtcp_netstat, over all its groups.
xt_counter() {
	local where=()
	if [ "$1" = -n ]; then
		where=(ip netns exec "$2")
		shift 2
	fi
	"${where[@]}" cat /proc/net/xtcp_netstat | awk -v name="$1" '
		$1 == group { for (i = 2; i <= NF; i++) if (names[i] == name) { print $i; found = 1 } group = ""; next }
		{ group = $1; delete names; for (i = 2; i <= NF; i++) names[i] = $i }
		END { exit !found }'
}

# xt_netns_pair LEFT RIGHT: two namespaces joined by a veth pair "eth0" each,
# 10.9.0.1/24 and fd09::1/64 left, .2 and ::2 right; gone when the script exits.
xt_netns_pair() {
	local left=$1 right=$2
	xt_netns "$left" "$right"
	ip link add eth0 netns "$left" type veth peer name eth0 netns "$right"
	ip -n "$left" addr add 10.9.0.1/24 dev eth0
	ip -n "$right" addr add 10.9.0.2/24 dev eth0
	ip -n "$left" addr add fd09::1/64 dev eth0 nodad
	ip -n "$right" addr add fd09::2/64 dev eth0 nodad
	ip -n "$left" link set eth0 up
	ip -n "$right" link set eth0 up
}

# xt_netns NAME...: namespaces with loopback up; gone when the script exits.
xt_netns() {
	local ns
	for ns in "$@"; do
		ip netns add "$ns"
		ip -n "$ns" link set lo up
		xt_namespaces+=("$ns")
	done
}
xt_namespaces=()

# xt_wait SECONDS COMMAND...: until the command succeeds.
xt_wait() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

# xt_listening [-n NETNS] PORT: does an XTCP (or, as XTCP_FAMILY says, native) socket listen there?
xt_listening() {
	local where=() file=/proc/net/xtcp
	if [ "$1" = -n ]; then
		where=(ip netns exec "$2")
		shift 2
	fi
	[ "$XTCP_FAMILY" = xtcp ] || file=/proc/net/tcp
	"${where[@]}" cat "$file" | awk -v port=":$(printf %04X "$1")$" '$2 ~ port && $4 == "0A" { found = 1 } END { exit !found }'
}

xt_cleanup() {
	local ns pids
	for ns in "${xt_namespaces[@]}"; do
		pids=$(ip netns pids "$ns" 2>/dev/null)
		# shellcheck disable=SC2086
		[ -z "$pids" ] || kill -9 $pids 2>/dev/null
		ip netns del "$ns" 2>/dev/null
	done
}
trap xt_cleanup EXIT
