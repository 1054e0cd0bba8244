#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Python's http.server and the plain socket client under xtcp-run.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
xt_require /usr/bin/python3 curl
xt_require_xtcp
run=$XTCP_TOP/scripts/xtcp-run
client=$(cd "$(dirname "$0")" && pwd -P)/client.py

web() {
	(cd "$tmp" && exec "$run" ip netns exec right /usr/bin/python3 -m http.server 8000 >/dev/null 2>&1) &
	xt_wait 120 xt_listening -n right 8000
}
# serve FAMILY PORT RUN...
serve() {
	"${@:3}" ip netns exec right /usr/bin/python3 "$client" serve "$2" &
	XTCP_FAMILY=$1 xt_wait 120 xt_listening -n right "$2"
}
fetch() {
	"$@" ip netns exec left curl -sS --max-time 300 -o "$tmp/got" http://10.9.0.2:8000/page && cmp -s "$tmp/page" "$tmp/got"
}
# ask PORT RUN...
ask() {
	[ "$("${@:2}" ip netns exec left /usr/bin/python3 "$client" ask 10.9.0.2 "$1" 'hello, world')" = 'HELLO, WORLD' ]
}

ktap_print_header
ktap_set_plan 10
tmp=$(mktemp -d)
head -c 200000 /dev/urandom >"$tmp/page"
xt_netns_pair left right

xt_check "http.server under xtcp-run listens in XTCP's table" web
xt_check "native curl from http.server over XTCP" fetch
xt_check "curl over XTCP from http.server over XTCP" fetch "$run"
xt_check "a socket server over XTCP" serve xtcp 7001 "$run"
xt_check "a native socket server" serve inet 7002
xt_check "a native client of the XTCP server" ask 7001
xt_check "a client over XTCP of the native server" ask 7002 "$run"
xt_check "XTCP to XTCP" ask 7001 "$run"
xt_check "the segments went through XTCP" test "$(xt_counter -n left SegmentsTaken)" -gt 0
xt_check "SO_DOMAIN, SO_TYPE, SO_PROTOCOL as a program expects them" \
	test "$("$run" /usr/bin/python3 "$client" options)" = "AF_INET SOCK_STREAM 6"
rm -rf "$tmp"
ktap_finished
