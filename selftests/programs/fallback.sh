#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Where XTCP is not to be had, xtcp-run's programs get the kernel's TCP and one warning.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
xt_require /usr/bin/python3
xt_require_xtcp
run=$XTCP_TOP/scripts/xtcp-run
client=$(cd "$(dirname "$0")" && pwd -P)/client.py

server() {
	"$run" ip netns exec right /usr/bin/python3 "$client" serve 7000 2>"$tmp/server" &
	XTCP_FAMILY=inet xt_wait 120 xt_listening -n right 7000
}
ask() {
	[ "$("$run" ip netns exec left /usr/bin/python3 "$client" ask 10.9.0.2 7000 abc 2>"$tmp/client")" = ABC ]
}
# warned FILE: exactly one line, and it says what happened.
warned() {
	[ "$(grep -c "using the kernel's TCP" "$1")" = 1 ] && [ "$(wc -l <"$1")" = 1 ]
}

ktap_print_header
ktap_set_plan 5
tmp=$(mktemp -d)
xt_netns_pair left right
for ns in left right; do
	ip netns exec "$ns" sysctl -q -w net.xtcp.enabled=0 || exit 1
done

xt_check "a server under xtcp-run listens on the kernel's TCP" server
xt_check "a client under xtcp-run reaches it" ask
xt_check "the server warned once" warned "$tmp/server"
xt_check "the client warned once" warned "$tmp/client"
taken=$(xt_counter -n left SegmentsTaken)
xt_check "no segment went through XTCP" test "$taken" = 0
rm -rf "$tmp"
ktap_finished
