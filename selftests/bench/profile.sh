#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In the VM, for scripts/bench -p: each case over each family, one run after a
# warm-up, and the kernel's symbols. What was run goes to the file "windows", a
# line per pair of marks: family, case, amount.  profile.sh CASE...
set -eu

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
xt_netns_pair left right
# shellcheck source=selftests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
net_strangers
IFS=, read -ra families <<<"${FAMILIES:-inet,xtcp}"
for case in "$@"; do
	case $case in
	crr) amount=200 how=(-c 200) ;;
	rr) amount=1000 how=(-c 1000) ;;
	flood) amount=20000 how=(-c 20000) ;;
	flows) amount=20000000 how=(-c 100 -b "$amount") ;;
	*) amount=20000000 how=(-b "$amount") ;;
	esac
	for family in "${families[@]}"; do
		"$(dirname "$0")/bench" -w -n 1 -f "$family" "${how[@]}" "$case" >&2
		printf '%s\n' "$family $case warm-up" "$family $case $amount" >>"$XTCP_OUT/windows"
	done
done
cat /proc/kallsyms >"$XTCP_OUT/kallsyms"
