#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# That each case of the benchmark runs and measures, over both families, and that
# the segments went where it says; small, so no figure of it means anything.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
# shellcheck source=selftests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
xt_require tc awk
xt_require_xtcp
bench=$(dirname "$0")/bench
N=1 FAMILIES=inet,xtcp SCALE=1
loss_cells='3,20,10,30'
table_buckets=$(xt_scale 1000000 100000 1000000)

# has FILE CASE FAMILY METRIC CONDITION: is there a value, and is it true of it?
has() {
	awk -F '\t' -v c="$2" -v f="$3" -v m="$4" '
		$1 == c && $2 == f && $4 == m { x = $5 + 0; n++; if (!('"$5"')) bad++ }
		END { exit !n || bad }' "$1"
}

# runs CASE LABEL METRIC [FAMILY...]: one point
runs() {
	local family
	"case_$1" >"$tmp/$1" || return 1
	for family in "${@:4}"; do
		has "$tmp/$1" "$2" "$family" "$3" 'x > 0' || { sed 's/^/# /' "$tmp/$1"; return 1; }
	done
}

ktap_print_header
ktap_set_plan 24
tmp=$(mktemp -d)
for name in $clean_cases; do
	metric=mbit
	case $name in *rr) metric=ops ;; esac
	xt_check "$name" runs "$name" "$name" $metric inet xtcp unix
done
xt_check "cores" runs cores cores ops_1 inet xtcp
xt_check "flood" runs flood flood syns inet xtcp
xt_check "table" runs table table rr_full inet xtcp
xt_check "a full table costs no more" has "$tmp/table" table xtcp crr_ratio 'x <= 1.2'
# 10,000 in 65,536: by chance 5.
xt_check "no chain of it is long" has "$tmp/table" table xtcp longest 'x >= 1 && x <= 10'
xt_check "memory" runs memory memory half_open inet xtcp
xt_check "loss" runs loss "loss 3 % rtt 20 ms" mbit inet xtcp
xt_check "burst" runs burst "burst loss 1 % rtt 20 ms" mbit inet xtcp
xt_check "reorder" runs reorder "reorder 10 % rtt 20 ms" mbit inet xtcp
xt_check "bbr" runs bbr "bbr loss 3 % rtt 100 ms" mbit inet xtcp xtcp/bbr
xt_check "fair" runs fair "fair 2 + 2" jain mixed
xt_check "delay" runs delay "delay fq 50 Mbit/s" p95_ms inet xtcp
xt_check "fill" runs fill fill us_10 inet xtcp
xt_check "every port is found" has "$tmp/fill" fill xtcp ports 'x == 200'
# The count of instructions repeats: these figures do mean something.
xt_check "and that there is none costs no more" has "$tmp/fill" fill xtcp fail_first 'x <= 2'
xt_check "many" runs many many ops_last inet xtcp
xt_check "a port comes back when it is needed" has "$tmp/many" many xtcp failures 'x == 0'
cat "$tmp"/* >"$tmp/all"
xt_check "XTCP took the segments of each XTCP run" has "$tmp/all" bulk xtcp taken 'x > 10'
xt_check "and none of the kernel's" has "$tmp/all" bulk inet taken 'x == 0'
rm -r "$tmp"
ktap_finished
