# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What remains of XTCP: sockets and objects of its slabs. Sourced after common.sh.

# Sockets of any state and namespace: each holds the module.
st_sockets() {
	cat /sys/module/xtcp/refcnt
}

# Objects in XTCP's own slabs; merged ones tell nothing and are left out.
st_objects() {
	local slab total=0
	for slab in /sys/kernel/slab/XTCP /sys/kernel/slab/xtcp_*; do
		if [ ! -d "$slab" ] || [ -L "$slab" ]; then
			continue
		fi
		echo 1 >"$slab/shrink"
		total=$((total + $(cut -d ' ' -f 1 "$slab/objects")))
	done
	echo "$total"
}

st_nothing_left() {
	[ "$(st_sockets)" = 0 ] && [ "$(st_objects)" = 0 ]
}

# Prints what is left, for the log of a failed test.
st_left() {
	local slab
	echo "# $(st_sockets) references of sockets to the module"
	for slab in /sys/kernel/slab/XTCP /sys/kernel/slab/xtcp_*; do
		[ ! -d "$slab" ] || [ -L "$slab" ] || echo "# ${slab##*/}: $(cat "$slab/objects")"
	done
}

# The module's file: XTCP_TOP/build/RELEASE/xtcp.ko.
st_module() {
	local top=${XTCP_TOP:-$(cd "$(dirname "$0")/../../../.." && pwd -P)} build
	for build in "$top/build/$(uname -r)" "$top/build/debug"; do
		[ -e "$build/xtcp.ko" ] && echo "$build/xtcp.ko" && return
	done
	return 1
}
