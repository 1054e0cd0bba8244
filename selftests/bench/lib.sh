# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The cases of the benchmark: what each runs, on which network. The caller has
# common.sh and sets bench (the program), N (runs), FAMILIES, and how much to do in
# percent (SCALE); each case prints lines "case family run metric value".
# shellcheck disable=SC2154 # bench is the caller's
# shellcheck disable=SC2034 # cases and xt_namespaces are for others

clean_cases='bulk both rr crr flows'
cases="$clean_cases fill many flood table memory loss burst reorder bbr fair delay"

scaled() {
	local n=$(($1 * SCALE / 100))
	echo $((n > 0 ? n : 1))
}

# measure LABEL CASE OPTION...: after each run a pause, in which what is left of its
# connections ends.
measure() {
	"$bench" -l "$1" -n "$N" -p "${PAUSE:-5}" "${@:3}" "$2"
}

# The same with fewer runs, for what takes long.
few() {
	local N=$(((N + 1) / 2))
	measure "$@"
}

# ---- networks ---------------------------------------------------------------------
# Two hosts on one wire.
net_direct() {
	[ "${net:-}" != direct ] || return 0
	xt_cleanup
	xt_namespaces=()
	xt_netns_pair left right
	net=direct
}

# Who sends from 10.16.0.0/16 hears no answer. As with any server they are behind a router: if
# they were on the link itself, each answer would make a neighbour and push one out.
net_strangers() {
	ip -n right link show sink >/dev/null 2>&1 || ip -n right link add sink type dummy
	ip -n right link set sink up
	ip -n right route replace 10.16.0.0/16 via 10.15.0.1 dev sink onlink
}

# Two hosts and a switch "mid" between them, which cuts what TSO made into segments,
# then queues, loses and delays.
net_switched() {
	local side
	[ "${net:-}" != switched ] || return 0
	xt_cleanup
	xt_namespaces=()
	xt_netns left mid right
	ip -n mid link add br0 type bridge
	for side in left right; do
		ip link add eth0 netns $side type veth peer name $side netns mid
		ip -n mid link set $side master br0
		ip -n mid link set $side up
		ip -n $side link set eth0 up
	done
	ip -n mid link set br0 up
	ip -n left addr add 10.9.0.1/24 dev eth0
	ip -n right addr add 10.9.0.2/24 dev eth0
	net=switched
}

# path RATE QUEUE BACK NETEM...: to the right at that rate, with a queue of so many
# segments, and what netem does; the way back takes BACK milliseconds. The least delay takes
# the segments from their socket, which else would see them in a queue that is far away.
path() {
	net_switched
	ip netns exec mid tc qdisc del dev right root 2>/dev/null
	ip netns exec mid tc qdisc replace dev right root handle 1: tbf rate "$1" burst 2000 limit 100000000
	ip netns exec mid tc qdisc replace dev right parent 1:1 handle 2: netem limit "$2" delay 10us "${@:4}"
	ip netns exec mid tc qdisc replace dev left root netem limit 100000 delay "${3}ms"
}

# ---- a clean path -------------------------------------------------------------------
case_bulk() {
	net_direct
	measure bulk bulk -w -f "$FAMILIES,unix" -b "$(scaled 100000000)"
}

case_both() {
	net_direct
	measure both both -w -f "$FAMILIES,unix" -b "$(scaled 100000000)"
}

case_rr() {
	net_direct
	measure rr rr -w -f "$FAMILIES,unix" -c "$(scaled 4000)"
}

# The pause lets TIME_WAIT end, so that each run finds the same tables.
case_crr() {
	net_direct
	measure crr crr -w -f "$FAMILIES,unix" -c "$(scaled 1000)" -p "${PAUSE:-61}"
}

case_flows() {
	net_direct
	measure flows flows -w -f "$FAMILIES,unix" -c 100 -b "$(scaled 100000000)"
}

# ---- processors -----------------------------------------------------------------------
# Connect, request, response, close on each processor at once, client and server of a pair on
# the same: how many times what one does alone, and for what locks they had to wait.
case_cores() {
	local N=$N family run alone all cpus
	cpus=$(nproc)
	net_direct
	for ((run = 1; run <= N; run++)); do
		for family in ${FAMILIES//,/ }; do
			alone=$(pairs "$family" 1) && all=$(pairs "$family" "$cpus") || return 1
			cores_line "$family" "$run" ops_1 "$alone"
			cores_line "$family" "$run" "ops_$cpus" "$all"
			cores_line "$family" "$run" scale "$(awk "BEGIN { print $all / $alone }")"
			waits "$family" "$run" "$cpus" || return 1
		done
	done
}

cores_line() {
	printf 'cores\t%s\t%s\t%s\t%s\n' "$@"
}

# pairs FAMILY COUNT: connections a second of so many pairs together.
pairs() {
	local cpu
	for ((cpu = 0; cpu < $2; cpu++)); do
		taskset -c $cpu "$bench" -n 1 -o $((10 * (cpu + 1))) -f "$1" -c "$(scaled 3000)" crr &
	done | awk -F '\t' '$4 == "ops" { sum += $5; n++ } END { print sum; exit n != '"$2"' }'
}

# waits FAMILY RUN PAIRS: how often one processor waited for a lock that another had, in a
# thousand connections, and how often in the module's own code.
waits() {
	local tracing=/sys/kernel/tracing
	echo 8192 >$tracing/buffer_size_kb
	echo >$tracing/trace
	echo stacktrace >$tracing/events/lock/contention_begin/trigger
	echo 1 >$tracing/events/lock/contention_begin/enable
	pairs "$1" "$3" >/dev/null
	echo 0 >$tracing/events/lock/contention_begin/enable
	echo '!stacktrace' >$tracing/events/lock/contention_begin/trigger
	awk -v thousands="$(($(scaled 3000) * $3))e-3" '
		/contention_begin:/ { all++ }
		/<stack trace>/ { fresh = 1 }
		/^ => .*\[xtcp\]/ && fresh { own++; fresh = 0 }
		END { print all / thousands, own / thousands }' $tracing/trace | {
		read -r all own
		cores_line "$1" "$2" waits_all "$all"
		cores_line "$1" "$2" waits_xtcp "$own"
	}
	echo 1024 >$tracing/buffer_size_kb
}

# ---- ports ----------------------------------------------------------------------------
# ports NATIVE XTCP: so many for the client to choose from; without them the defaults.
ports() {
	ip netns exec left sysctl -q "net.ipv4.ip_local_port_range=32768 $((32767 + ${1:-28232}))" \
		"net.xtcp.local_port_range=10000 $((9999 + ${2:-20000}))"
}

# Every port of one destination in use, and then one more. It repeats: once is enough.
case_fill() {
	local N=1
	net_direct
	ports "$(scaled 28232)" "$(scaled 20000)"
	measure fill fill -f "$FAMILIES"
	ports
}

# Many times as many connections in a row as there are ports. The kernel's TCP would fail from
# the moment its ports are in TIME_WAIT: it shows its rate while there are some. On a small scale
# ports are few, and TIME_WAIT's are ripe sooner.
case_many() {
	local N=1 first=20000
	net_direct
	[ "$SCALE" -ge 10 ] || {
		first=1000
		ports "" 2000
		ip netns exec left sysctl -q net.xtcp.tw_reuse_delay=100
	}
	measure many many -f inet -c "$first" -p "${PAUSE:-61}"
	measure many many -f xtcp -c "$(scaled 500000)" -p "${PAUSE:-61}"
	ports
	ip netns exec left sysctl -q net.xtcp.tw_reuse_delay=1000
}

# ---- floods ---------------------------------------------------------------------------
# SYNs from 65,536 addresses; at 1000 % a million of them.
case_flood() {
	net_direct
	net_strangers
	measure flood flood -f "$FAMILIES" -c "$(scaled 100000)"
}

# A million TIME_WAIT buckets and 50,000 connections, which cost those that are busy how much?
# What answers the hand-made clients goes over the wire, where nobody takes it.
table_buckets=1000000
case_table() {
	local N=1
	net_direct
	ip -n right link del sink 2>/dev/null
	ip -n right neigh replace 10.9.0.9 lladdr 02:00:00:00:00:09 nud permanent dev eth0
	ip -n right route replace 10.16.0.0/16 via 10.9.0.9 dev eth0
	ip netns exec right sysctl -q net.ipv4.tcp_max_tw_buckets=2000000 net.xtcp.max_tw_buckets=2000000
	measure table table -f "$FAMILIES" -c "$(scaled "$table_buckets")" -p "${PAUSE:-61}"
	ip -n right route del 10.16.0.0/16
}

# Bytes of what a connection is, in each of its ages, as the kernel's slabs have them.
case_memory() {
	local family metric slab bytes
	while read -r family metric slab; do
		bytes=$(awk -v slab="$slab" '$1 == slab { print $4 }' /proc/slabinfo)
		[ -n "$bytes" ] || return 1
		printf 'memory\t%s\t1\t%s\t%s\n' "$family" "$metric" "$bytes"
	done <<-END
		inet endpoint TCP
		xtcp endpoint XTCP
		inet half_open request_sock_TCP
		xtcp half_open xtcp_req
		inet time_wait tw_sock_TCP
	END
}

# ---- a bad path -----------------------------------------------------------------------
# Each cell ends with the bytes or with the time, so that one costs about what another
# does: loss in percent, round trip in ms, MB, seconds.
loss_cells='0.1,1,30,5 1,1,30,5 3,1,15,5 10,1,5,20
	0.1,20,40,60 1,20,40,100 3,20,20,100 10,20,5,100
	0.1,100,30,100 1,100,20,300 3,100,15,300 10,100,5,500'

case_loss() {
	local cell loss rtt mb seconds how
	for cell in $loss_cells; do
		IFS=, read -r loss rtt mb seconds <<<"$cell"
		path 10gbit 100000 "$rtt" loss "$loss%"
		[ "$loss,$rtt" = 1,20 ] && how=measure || how=few
		$how "loss $loss % rtt $rtt ms" bulk -f "$FAMILIES" -b "$(scaled $((mb * 1000000)))" \
			-t "$seconds"
	done
}

# A mean of four segments together, 1 % in all.
case_burst() {
	path 10gbit 100000 20 loss gemodel 0.25% 25% 100% 0%
	measure "burst loss 1 % rtt 20 ms" bulk -f "$FAMILIES" -b "$(scaled 40000000)" -t 100
}

# One in ten overtakes all that is on the way for 10 ms; at 50 Mbit/s these are 40.
case_reorder() {
	path 50mbit 100000 10 delay 10ms reorder 10%
	measure "reorder 10 % rtt 20 ms" bulk -f "$FAMILIES" -b "$(scaled 40000000)" -t 100
}

# The queue holds what the path holds.
case_bbr() {
	path 20mbit 170 100 loss 3%
	few "bbr loss 3 % rtt 100 ms" bulk -f "inet,xtcp,xtcp/bbr" -t "$(scaled 20)"
}

# Two flows of each TCP, then four of one for comparison.
case_fair() {
	path 10mbit 34 40
	measure "fair 2 + 2" flows -m -f inet,xtcp -c 4 -s "$(scaled 10)" -t "$(scaled 40)"
	few "fair 4" flows -f "$FAMILIES" -c 4 -s "$(scaled 10)" -t "$(scaled 40)"
}

# What a flow's segments wait in the sender's fq, which lets 50 Mbit/s through, and then in
# a drop-tail queue of 100 ms at 20 Mbit/s. The first tenth does not count.
case_delay() {
	net_direct
	ip netns exec left tc qdisc replace dev eth0 root fq maxrate 50mbit
	waited "delay fq 50 Mbit/s" left eth0
	ip netns exec left tc qdisc del dev eth0 root
	path 20mbit 170 20
	ip netns exec left tc qdisc replace dev eth0 root fq
	waited "delay behind fq" mid right
	ip netns exec left tc qdisc del dev eth0 root
}

# waited LABEL NETNS DEVICE: by the trace of the device's queue.
waited() {
	local run family tracing=/sys/kernel/tracing index
	index=$(ip -n "$2" -o link show "$3" | cut -d : -f 1)
	echo mono >$tracing/trace_clock
	echo 32768 >$tracing/buffer_size_kb
	echo "ifindex == $index" >$tracing/events/qdisc/qdisc_enqueue/filter
	echo "ifindex == $index" >$tracing/events/qdisc/qdisc_dequeue/filter
	for ((run = 1; run <= N; run++)); do
		for family in ${FAMILIES//,/ }; do
			echo >$tracing/trace
			echo 1 >$tracing/events/qdisc/enable
			"$bench" -l "$1" -n 1 -p 1 -f "$family" -t "$(scaled 10)" bulk | sed "s/\t1\t/\t$run\t/"
			echo 0 >$tracing/events/qdisc/enable
			percentiles <$tracing/trace | while read -r metric value; do
				printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$family" "$run" "$metric" "$value"
			done
		done
	done
	echo 1024 >$tracing/buffer_size_kb
}

# Median and 95th percentile of the time from enqueue to dequeue of a packet, in ms.
percentiles() {
	awk '
		function at(line) {
			match(line, /[0-9]+\.[0-9]+: qdisc_/)
			return substr(line, RSTART) + 0
		}
		!match($0, /skbaddr=[^ ]+/) { next }
		{ skb = substr($0, RSTART, RLENGTH); now = at($0) }
		/qdisc_enqueue: / { queued[skb] = now }
		/qdisc_dequeue: / && skb in queued {
			wait[n++] = 1000 * (now - queued[skb])
			delete queued[skb]
		}
		END { for (i = int(n / 10); i < n; i++) print wait[i] }' |
		sort -g | awk '
			{ wait[NR] = $1 }
			END {
				print "p50 ms", wait[int(NR * 0.5) + 1]
				print "p95 ms", wait[int(NR * 0.95) + 1]
			}' | sed 's/ ms/_ms/'
}
