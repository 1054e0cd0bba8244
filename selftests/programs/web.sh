#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# nginx and curl, unmodified, in all combinations of XTCP and the kernel's TCP.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
xt_require nginx curl ss
xt_require_xtcp
run=$XTCP_TOP/scripts/xtcp-run

# server FAMILY PORT: an nginx in the namespace "right".
server() {
	local dir=$tmp/$1
	mkdir -p "$dir"
	cp "$tmp/page" "$dir/page"
	cat >"$dir/nginx.conf" <<-END
		daemon off;
		user root;
		pid $dir/pid;
		error_log $dir/error.log;
		events { }
		http {
			access_log off;
			sendfile on;
			server { listen $2 backlog=64; root $dir; }
		}
	END
	"${@:3}" ip netns exec right nginx -c "$dir/nginx.conf" 2>"$dir/stderr" &
	XTCP_FAMILY=$1 xt_wait 120 xt_listening -n right "$2"
}

# fetch PORT RUN...: is what curl gets what is there?
fetch() {
	local port=$1
	shift
	"$@" ip netns exec left curl -sS --max-time 300 -o "$tmp/got" "http://10.9.0.2:$port/page" &&
		cmp -s "$tmp/page" "$tmp/got"
}

ktap_print_header
ktap_set_plan 9
tmp=$(mktemp -d)
head -c "$(xt_scale 1000000 200000 20000000)" /dev/urandom >"$tmp/page"
xt_netns_pair left right
before=$(xt_counter -n right SegmentsTaken)

xt_check "nginx under xtcp-run listens in XTCP's table" server xtcp 80 "$run"
xt_check "a native nginx listens" server inet 8080
xt_check "and not the other way round" test -z "$(ip netns exec right ss -tlnH 'sport = :80')"
xt_check "native curl from nginx over XTCP" fetch 80
after=$(xt_counter -n right SegmentsTaken)
xt_check "its segments went through XTCP" test "$after" -gt "$before"
xt_check "curl over XTCP from native nginx" fetch 8080 "$run"
xt_check "its segments went through XTCP" test "$(xt_counter -n left SegmentsTaken)" -gt 0
xt_check "curl over XTCP from nginx over XTCP" fetch 80 "$run"
xt_check "xss lists the listener" sh -c "ip netns exec right '$XTCP_TOP/scripts/xss' -tlnH 'sport = :80' | grep -q LISTEN"
rm -rf "$tmp"
ktap_finished
