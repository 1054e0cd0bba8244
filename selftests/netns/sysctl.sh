#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every knob under /proc/sys/net/xtcp: its default, both its bounds, and what lies
# beyond is EINVAL and changes nothing; namespaces are apart.
set -u

# shellcheck source=selftests/lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
dir=/proc/sys/net/xtcp

# name, least, greatest, default; - where the machine's size makes it
knobs='
abort_on_overflow 0 1 0
ack_hold_us 0 200000 1000
adv_win_scale -31 31 1
base_mss 48 65535 1024
challenge_ack_limit 0 2147483647 2147483647
comp_sack_delay_ns 0 1000000000 1000000
comp_sack_nr 0 255 44
comp_sack_slack_ns 0 1000000000 100000
dsack 0 1 1
early_demux 0 1 1
early_retrans 0 4 3
ecn 0 2 2
ecn_fallback 0 1 1
enabled 0 1 1
fin_timeout 0 2147483 60
frto 0 2 2
invalid_ratelimit 0 86400000 500
keepalive_intvl 1 2147483 75
keepalive_probes 0 127 9
keepalive_time 1 2147483 7200
limit_output_bytes 0 2147483647 1048576
max_orphans 0 2147483647 -
max_reordering 1 65535 300
max_syn_backlog 1 2147483647 -
max_tw_buckets 0 2147483647 -
migrate_req 0 1 0
min_rtt_wlen 0 86400 300
min_snd_mss 48 65535 48
min_tso_segs 1 255 2
moderate_rcvbuf 0 1 1
mtu_probe_floor 48 65535 48
mtu_probing 0 2 0
notsent_lowat 0 2147483647 2147483647
orphan_retries 0 255 0
pacing_ca_ratio 0 1000 120
pacing_ss_ratio 0 1000 200
port_watermark 0 100 80
probe_interval 0 2147483 600
probe_threshold 0 65535 8
reflect_tos 0 1 0
reordering 1 255 3
retries1 0 255 3
retries2 0 255 15
rfc1337 0 1 0
rto_min_us 1 120000000 200000
sack 0 1 1
slow_start_after_idle 0 1 1
somaxconn 0 2147483647 4096
stdurg 0 1 0
syn_prefix_share 0 10000 100
syn_retries 1 127 7
synack_retries 0 255 5
syncookies 0 2 1
timestamps 0 2 1
tso_rtt_log 0 31 9
tso_win_divisor 0 255 3
tw_recycle 0 1 0
tw_reuse 0 2 1
tw_reuse_delay 1 60000 1000
window_scaling 0 1 1
'
vectors='local_port_range mem rmem wmem'
strings='allowed_congestion_control available_congestion_control congestion_control'

# get KNOB: its value in $got. No process is started here and below: there are
# hundreds of writes, and a machine without KVM takes 100 ms to start one.
get() {
	IFS= read -r got <"$dir/$1"
	got=${got//$'\t'/ }
}

# put KNOB VALUE: what the shell says about it goes to $said.
put() {
	local status=0
	{ printf '%s\n' "$2" >"$dir/$1"; } 2>"$errors" || status=1
	IFS= read -r said <"$errors" || said=''
	return $status
}
errors=$(mktemp)

# refused KNOB VALUE [ERROR]: the write fails with the error and nothing has changed.
refused() {
	local before
	get "$1"
	before=$got
	if put "$1" "$2"; then
		get "$1"
		echo "# $1: '$2' was accepted, now $got"
		put "$1" "$before"
		return 1
	fi
	get "$1"
	if [[ $said != *"${3:-Invalid argument}"* ]] || [ "$got" != "$before" ]; then
		echo "# $1: '$2': $said; $before -> $got"
		return 1
	fi
}

# taken KNOB VALUE [READS-AS]
taken() {
	put "$1" "$2"
	get "$1"
	[ "$got" = "${3:-$2}" ] || { echo "# $1: '$2' reads as $got $said"; return 1; }
}

# is KNOB VALUE
is() {
	get "$1"
	[ "$got" = "$2" ] || { echo "# $1 is $got, not $2"; return 1; }
}

scalar() {
	local name=$1 lo=$2 hi=$3 default=$4 value bad status=0
	[ "$default" = - ] || is "$name" "$default" || status=1
	bad=("$((lo - 1))" "$((hi + 1))" -2147483648 -2147483649 2147483648 4294967295 4294967296
		"$((4294967296 + lo))" 9223372036854775808 18446744073709551616
		"$((lo + 1))x" x '' "$lo $lo" 0x 1e3 1.5 --1)
	for value in "${bad[@]}"; do
		refused "$name" "$value" || status=1
	done
	get "$name"
	default=$got
	for value in "$lo" "$hi"; do
		taken "$name" "$value" || status=1
	done
	taken "$name" "$default" || status=1
	return $status
}

buffers() {
	local name=$1 least=$2 before status=0
	get "$name"
	before=$got
	for value in "$((least - 1)) 131072 6291456" '8192 4096 16384' '8192 16384 4096' \
		'4096 131072 4294967296' '4096 -1 6291456' '4096 16384 x' '4096 16384 65536 1' \
		'2147483647' x ''; do
		refused "$name" "$value" || status=1
	done
	taken "$name" "$least $least $least" || status=1
	taken "$name" '5000 60000 700000' || status=1
	taken "$name" 6000 '6000 60000 700000' || status=1
	taken "$name" '2147483647 2147483647 2147483647' || status=1
	taken "$name" "$before" || status=1
	return $status
}

ports() {
	local value status=0
	is local_port_range '10000 29999' || status=1
	for value in '0 100' '1023 32767' '-1 20000' '10000 65536' '20000 10000' '10000 4294967296' '10000 x' \
		'10000 20000 30000' x ''; do
		refused local_port_range "$value" || status=1
	done
	taken local_port_range '61000 65535' || status=1
	taken local_port_range '1024 32767' || status=1
	taken local_port_range '20000 20000' || status=1
	taken local_port_range '10000 29999' || status=1
	return $status
}

ports_overlap() {
	local value before status=0
	before=$(dmesg | grep -c 'xtcp: .*move net.ipv4.ip_local_port_range first')
	for value in '10000 32768' '60999 65535' '1 65535' '40000 41000'; do
		refused local_port_range "$value" || status=1
	done
	[ "$(dmesg | grep -c 'xtcp: .*move net.ipv4.ip_local_port_range first')" -gt "$before" ] ||
		status=1
	return $status
}

congestion() {
	local name before names status=0
	get congestion_control
	before=$got
	get available_congestion_control
	names=$got
	for name in $names; do
		taken congestion_control "$name" || status=1
	done
	refused congestion_control nonsense 'No such file' || status=1
	refused congestion_control '' 'No such file' || status=1
	refused congestion_control a-name-that-is-much-too-long 'No such file' || status=1
	refused available_congestion_control reno 'Permission denied' || status=1
	taken congestion_control "$before" || status=1
	return $status
}

# may PROGRAM...: run by it, may a socket choose bbr? What Python says if not.
may() {
	"$@" /usr/bin/python3 -c "
import socket
s = socket.socket(22, socket.SOCK_STREAM)
try:
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b'bbr')
except OSError as e:
    print(e.strerror)
"
}

allowed() {
	local all nobody=(setpriv --bounding-set=-net_admin --inh-caps=-net_admin) status=0
	get available_congestion_control
	all=$got
	get allowed_congestion_control
	[ "$got" = "$all" ] && [ -z "$(may "${nobody[@]}")" ] || status=1
	taken allowed_congestion_control 'cubic reno' || status=1
	[ "$(may "${nobody[@]}")" = 'Operation not permitted' ] && [ -z "$(may env)" ] || status=1
	refused allowed_congestion_control 'bbr nonsense' 'No such file' || status=1
	put congestion_control bbr
	get allowed_congestion_control
	[ "$got" = "$all" ] || status=1
	put congestion_control cubic
	return $status
}

complete() {
	local known unknown
	known=$(tr ' ' '\n' <<<"$vectors $strings"; awk 'NF { print $1 }' <<<"$knobs")
	unknown=$(diff <(sort <<<"$known") <(find $dir -type f -printf '%f\n' | sort)) || {
		echo "# ${unknown//$'\n'/ }"
		return 1
	}
}

in_ns() {
	local ns=$1
	shift
	ip netns exec "$ns" "$@"
}

apart() {
	in_ns xt_a sh -c "echo 77 >$dir/keepalive_time; echo 5000 6000 >$dir/local_port_range" &&
		[ "$(in_ns xt_a cat $dir/keepalive_time)" = 77 ] &&
		[ "$(in_ns xt_b cat $dir/keepalive_time)" = 7200 ] &&
		[ "$(in_ns xt_b cat $dir/local_port_range | tr '\t' ' ')" = '10000 29999' ] &&
		is keepalive_time 7200 && is local_port_range '10000 29999'
}

inherited() {
	local rmem wmem status=0
	get rmem
	rmem=$got
	get wmem
	wmem=$got
	echo 5000 60000 700000 >$dir/rmem
	echo 5001 60001 700001 >$dir/wmem
	echo 66 >$dir/keepalive_time
	xt_netns xt_c
	[ "$(in_ns xt_c cat $dir/rmem | tr '\t' ' ')" = '5000 60000 700000' ] || status=1
	[ "$(in_ns xt_c cat $dir/wmem | tr '\t' ' ')" = '5001 60001 700001' ] || status=1
	[ "$(in_ns xt_c cat $dir/keepalive_time)" = 7200 ] || status=1
	echo "$rmem" >$dir/rmem
	echo "$wmem" >$dir/wmem
	echo 7200 >$dir/keepalive_time
	return $status
}

global_read_only() {
	[ "$(in_ns xt_a stat -c %a $dir/mem)" = 444 ] &&
		[ "$(in_ns xt_a stat -c %a $dir/max_orphans)" = 444 ] &&
		[ "$(in_ns xt_a cat $dir/mem)" = "$(cat $dir/mem)" ] &&
		! in_ns xt_a sh -c "echo 1 2 3 >$dir/mem" 2>/dev/null &&
		! in_ns xt_a sh -c "echo 1 >$dir/max_orphans" 2>/dev/null
}

# socket [COMMAND...]: prints ok or the errno of socket(AF_XTCP) under COMMAND.
try_socket='
import errno, socket
try:
    socket.socket(22, socket.SOCK_STREAM, 0).close()
    print("ok")
except OSError as e:
    print(errno.errorcode[e.errno])'

switch() {
	local status=0 before
	before=$(xt_counter FamilyDisabled)
	echo 0 >$dir/enabled
	[ "$(/usr/bin/python3 -c "$try_socket")" = EAFNOSUPPORT ] || status=1
	[ "$(xt_counter FamilyDisabled)" = $((before + 1)) ] || status=1
	echo 1 >$dir/enabled
	[ "$(/usr/bin/python3 -c "$try_socket")" = ok ] || status=1
	return $status
}

other_users() {
	[ "$(unshare -Urn /usr/bin/python3 -c "$try_socket")" = EAFNOSUPPORT ] &&
		[ "$(unshare -Urn cat $dir/enabled)" = 0 ] &&
		[ "$(unshare -Urn sh -c "echo 1 >$dir/enabled; /usr/bin/python3 -c '$try_socket'")" = ok ]
}

xt_require_xtcp
xt_require python3 setpriv unshare ip
ktap_print_header
ktap_set_plan $(($(grep -c . <<<"$knobs") + 13))

xt_check "every file of the directory is known here" complete
while read -r name lo hi default; do
	[ -z "$name" ] || xt_check "$name" scalar "$name" "$lo" "$hi" "$default"
done <<<"$knobs"
xt_check "rmem" buffers rmem 2304
xt_check "wmem" buffers wmem 1
xt_check "mem" buffers mem 1
xt_check "local_port_range" ports
xt_check "local_port_range apart from native's, with a hint in the log" ports_overlap
xt_check "congestion_control" congestion
xt_check "allowed_congestion_control" allowed
xt_netns xt_a xt_b
xt_check "namespaces do not share knobs" apart
xt_check "a namespace takes rmem and wmem from the first, nothing else" inherited
xt_check "what is the machine's is read-only in a namespace" global_read_only
xt_check "enabled 0 means no sockets" switch
xt_check "another user namespace must turn it on first" other_users
rm -f "$errors"
ktap_finished
