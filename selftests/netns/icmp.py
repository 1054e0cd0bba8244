#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""ICMP errors about segments of a connection: which are believed, and what they do.

A namespace "host" with the TCP under test, and one "net" that forges what a router
would send. Each case runs over native TCP first and expects the same, but for the
counters (RFC 1122 4.2.3.9, RFC 5927, RFC 1191).
"""
import ctypes
import errno
import os
import select
import socket
import struct
import subprocess
import sys
import time

AF_XTCP = 22
CLONE_NEWNET = 0x40000000
HOST, NET, DEAD = "10.9.0.2", "10.9.0.1", "10.9.0.77"
UNREACH, QUENCH, REDIRECT, EXCEEDED, PARAMETER = 3, 4, 5, 11, 12
FRAG_NEEDED = 4
IP_RECVERR = 11
TCP_INFO = 11
DEBUG = os.environ.get("XTCP_MODE") == "debug"
# Seconds; what works is not kept waiting, however slow the machine.
PATIENCE = 60

libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network namespace; sockets made inside "with" stay there."""

    def __init__(self, name):
        self.name = name
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.ip("link", "set", "lo", "up")
        self.fd = os.open(f"/run/netns/{name}", os.O_RDONLY)
        self.before = os.open("/proc/self/ns/net", os.O_RDONLY)

    def ip(self, *words):
        subprocess.run(["ip", "-n", self.name, *words], check=True)

    def sysctl(self, name, value):
        with self, open("/proc/sys/net/" + name, "w", encoding="ascii") as knob:
            knob.write(str(value))

    def __enter__(self):
        if libc.setns(self.fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        return self

    def __exit__(self, *_):
        libc.setns(self.before, CLONE_NEWNET)

    def close(self):
        os.close(self.fd)
        os.close(self.before)
        subprocess.run(["ip", "netns", "del", self.name], check=True)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Segment:
    """A TCP segment seen on the wire."""

    def __init__(self, packet):
        ihl = (packet[0] & 15) * 4
        self.ip = packet[:ihl]
        self.tcp = packet[ihl:]
        self.sport, self.dport, self.seq, self.ack = struct.unpack("!HHII", self.tcp[:12])
        self.flags = self.tcp[13]
        self.len = struct.unpack("!H", packet[2:4])[0] - ihl - (self.tcp[12] >> 4) * 4

    def quote(self, seq=None, size=8, ttl=None):
        """As an ICMP error would quote it."""
        ip, tcp = bytearray(self.ip[:20]), bytearray(self.tcp)
        ip[0] = 0x45
        if ttl is not None:
            ip[8] = ttl
        if seq is not None:
            tcp[4:8] = struct.pack("!I", seq & 0xffffffff)
        return bytes(ip) + bytes(tcp[:size])


class Wire:
    """What the other end sees and sends."""

    def __init__(self, net):
        with net:
            self.tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
            self.tap.bind(("eth0", 0x0800))
            self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.raw.settimeout(PATIENCE)
        self.pings = 0

    def segment(self, want):
        """The next segment from the host for which want() holds."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not select.select([self.tap], [], [], 0.1)[0]:
                continue
            packet = self.tap.recv(2048)
            if packet[9] != 6 or socket.inet_ntoa(packet[12:16]) != HOST:
                continue
            segment = Segment(packet)
            if want(segment):
                return segment
        raise AssertionError("no such segment came")

    def settle(self):
        """The host has processed what was sent before (all on one processor) when it answers."""
        self.pings += 1
        body = struct.pack("!HH", 4711, self.pings)
        self.raw.sendto(struct.pack("!BBH", 8, 0, checksum(b"\10\0\0\0" + body)) + body, (HOST, 0))
        while True:
            packet = self.raw.recv(2048)
            if packet[20] == 0 and packet[24:28] == body:
                return

    def drain(self):
        self.settle()
        while select.select([self.tap], [], [], 0)[0]:
            self.tap.recv(2048)

    def icmp(self, kind, code, quote, info=0, bad=False):
        body = struct.pack("!BBHI", kind, code, 0, info) + quote
        check = checksum(body) ^ (0x5555 if bad else 0)
        self.raw.sendto(body[:2] + struct.pack("!H", check) + body[4:], (HOST, 0))
        self.settle()

    def close(self):
        self.tap.close()
        self.raw.close()


class World:
    """Both namespaces and one connection, of the family under test at the host."""

    def __init__(self, family):
        self.family = family
        self.host, self.net = Namespace("host"), Namespace("net")
        self.net.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", "host")
        self.net.ip("addr", "add", NET + "/24", "dev", "eth0")
        self.host.ip("addr", "add", HOST + "/24", "dev", "eth0")
        self.net.ip("link", "set", "eth0", "up")
        self.host.ip("link", "set", "eth0", "up")
        # Nobody is there, and the net tells nobody.
        mac = subprocess.run(["ip", "-n", "net", "-br", "link", "show", "eth0"], check=True,
                             capture_output=True, text=True).stdout.split()[2]
        self.host.ip("neigh", "add", DEAD, "lladdr", mac, "dev", "eth0", "nud", "permanent")
        self.net.sysctl("ipv4/icmp_ratelimit", 0)
        self.wire = Wire(self.net)
        self.filtered = False
        self.open = []

    def socket(self):
        with self.host:
            sock = socket.socket(self.family, socket.SOCK_STREAM, 0)
        # Addresses are AF_INET's, whatever the family: let Python believe in that one.
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, sock.detach())
        self.open.append(sock)
        return sock

    def attempt(self):
        """A connect() that nobody answers, and its SYN."""
        sock = self.socket()
        sock.setblocking(False)
        equal("connect()", sock.connect_ex((DEAD, 4242)), errno.EINPROGRESS)
        return sock, self.wire.segment(lambda s: s.flags == 2)

    def connection(self, options=()):
        """An established connection, its peer, and the host's last data segment."""
        with self.net:
            server = socket.socket()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((NET, 4243))
            server.listen(1)
        self.open.append(server)
        sock = self.socket()
        for option in options:
            sock.setsockopt(*option)
        sock.settimeout(PATIENCE)
        sock.connect((NET, 4243))
        peer, _ = server.accept()
        self.open.append(peer)
        peer.settimeout(PATIENCE)
        segment = self.talk(sock, peer)
        return sock, peer, segment

    def talk(self, sock, peer):
        """A line both ways; the segment that carried the host's."""
        sock.sendall(b"line\n")
        assert peer.recv(5, socket.MSG_WAITALL) == b"line\n"
        peer.send(b"answer\n")
        assert sock.recv(7, socket.MSG_WAITALL) == b"answer\n"
        segment = self.wire.segment(lambda s: s.dport == 4243 and s.len > 0)
        segment.nxt = segment.seq + segment.len
        return segment

    def filter(self, rule=None):
        """What the net does not let in from now on."""
        with self.net:
            rules = "table ip t; delete table ip t;"
            if rule:
                rules += ("table ip t { chain in { type filter hook input priority 0; " + rule + "; }; }")
            subprocess.run(["nft", rules], check=True)
        self.filtered = bool(rule)

    def counter(self, name):
        if self.family == socket.AF_INET:
            return 0
        with self.host, open("/proc/net/xtcp_netstat", encoding="ascii") as lines:
            rows = [line.split() for line in lines]
        for names, values in zip(rows[::2], rows[1::2]):
            if name in names:
                return int(values[names.index(name)])
        raise AssertionError(f"there is no counter {name}")

    def requests(self):
        """Half-open connections at the host."""
        name = "tcp" if self.family == socket.AF_INET else "xtcp"
        with self.host, open("/proc/net/" + name, encoding="ascii") as lines:
            return sum(line.split()[3] == "03" for line in lines)

    def end_case(self):
        """Nothing of it may be seen by the next one."""
        for sock in self.open:
            sock.close()
        self.open = []
        if self.filtered:
            self.filter()
        self.wire.drain()

    def close(self):
        self.end_case()
        self.wire.close()
        self.host.close()
        self.net.close()


def so_error(sock):
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def equal(what, got, wanted):
    assert got == wanted, f"{what}: got {got}, wanted {wanted}"


def path_mtu(sock):
    return struct.unpack_from("=I", sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 104), 60)[0]


def backoff(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 104)[4]


def mss(sock):
    return struct.unpack_from("=I", sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 104), 16)[0]


# ---- what an attempt to connect believes -------------------------------------------

def attempt_fails(kind, code, error):
    def case(world):
        sock, syn = world.attempt()
        world.wire.icmp(kind, code, syn.quote())
        equal("SO_ERROR", so_error(sock), error)
    return case


def attempt_ignores(kind, code, offset=0, size=8, bad=False):
    def case(world):
        sock, syn = world.attempt()
        before = world.counter("OutOfWindowIcmps")
        world.wire.icmp(kind, code, syn.quote(syn.seq + offset, size), bad=bad)
        equal("SO_ERROR", so_error(sock), 0)
        # What else is wrong with one is looked at first.
        if world.family == AF_XTCP:
            equal("OutOfWindowIcmps", world.counter("OutOfWindowIcmps") - before, bool(offset))
    return case


def attempt_queues_error(world):
    """MSG_ERRQUEUE tells who said what."""
    sock, syn = world.attempt()
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    world.wire.icmp(UNREACH, 1, syn.quote())
    data, control, flags, _ = sock.recvmsg(2048, 512, socket.MSG_ERRQUEUE)
    level, kind, payload = control[0]
    number, origin, icmp_type, icmp_code = struct.unpack_from("=IBBB", payload)
    equal("level and type", (level, kind), (socket.IPPROTO_IP, IP_RECVERR))
    equal("errno, origin, ICMP", (number, origin, icmp_type, icmp_code), (errno.EHOSTUNREACH, 2, 3, 1))
    equal("offender", socket.inet_ntoa(payload[20:24]), NET)
    equal("payload", data[:8], syn.quote()[20:])


# ---- what a connection believes ------------------------------------------------------

def connection_lives(kind, code, soft):
    def case(world):
        sock, peer, segment = world.connection()
        world.wire.icmp(kind, code, segment.quote(segment.nxt))
        # For who asks (RFC 9293 SHLD-25); no call fails for it.
        equal("SO_ERROR", so_error(sock), soft)
        world.talk(sock, peer)
    return case


def connection_reports(world):
    """With IP_RECVERR an established socket hears of it, and lives on."""
    sock, peer, segment = world.connection([(socket.IPPROTO_IP, IP_RECVERR, 1)])
    world.wire.icmp(UNREACH, 1, segment.quote(segment.nxt))
    equal("SO_ERROR", so_error(sock), errno.EHOSTUNREACH)
    world.talk(sock, peer)


def connection_min_ttl(world):
    """RFC 5082: what could come from afar is not believed."""
    sock, peer, segment = world.connection([(socket.IPPROTO_IP, 21, 10),
                                            (socket.IPPROTO_IP, IP_RECVERR, 1)])
    world.wire.icmp(UNREACH, 1, segment.quote(segment.nxt, ttl=9))
    equal("SO_ERROR", so_error(sock), 0)
    world.wire.icmp(UNREACH, 1, segment.quote(segment.nxt, ttl=10))
    equal("SO_ERROR", so_error(sock), errno.EHOSTUNREACH)
    world.talk(sock, peer)


def connection_reverts_backoff(world):
    """RFC 6069: who answers a retransmission shows that it was not lost to congestion."""
    sock, peer, segment = world.connection()
    world.filter("tcp dport 4243 drop")
    sock.sendall(b"into the void\n")
    lost = world.wire.segment(lambda s: s.len == 14)
    for _ in range(3):
        world.wire.segment(lambda s: s.seq == lost.seq)
    before = backoff(sock)
    assert before >= 2, f"back-off of {before}"
    world.wire.icmp(UNREACH, 1, lost.quote(lost.seq - 1))
    equal("back-off after a forged one", backoff(sock), before)
    world.wire.icmp(UNREACH, 1, lost.quote())
    equal("back-off", backoff(sock), before - 1)
    world.filter()
    equal("data", peer.recv(14, socket.MSG_WAITALL), b"into the void\n")


# ---- path MTU --------------------------------------------------------------------------

def mtu(told, believed, offset=0, bad=False, size=8, knob=None):
    def case(world):
        if knob:
            world.host.sysctl(*knob)
        sock, peer, segment = world.connection()
        equal("path MTU before", path_mtu(sock), 1500)
        world.wire.icmp(UNREACH, FRAG_NEEDED, segment.quote(segment.nxt + offset, size=size), told, bad)
        world.talk(sock, peer)
        equal("path MTU", path_mtu(sock), believed)
        # Headers of 20 bytes each and the timestamps'.
        equal("MSS", mss(sock), believed - 52)
    return case


def mtu_options(world):
    """RFC 9293 MUST-16: IP options take from each segment."""
    sock, peer, segment = world.connection([(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\1" * 8)])
    equal("MSS before", mss(sock), 1500 - 52 - 8)
    world.wire.icmp(UNREACH, FRAG_NEEDED, segment.quote(segment.nxt), 1000)
    world.talk(sock, peer)
    equal("path MTU", path_mtu(sock), 1000)
    equal("MSS", mss(sock), 1000 - 52 - 8)


def mtu_resends(world):
    """What was too big goes again at once, in smaller pieces."""
    sock, peer, segment = world.connection()
    world.filter("tcp dport 4243 meta length > 1000 drop")
    data = bytes(range(256)) * 5
    sock.sendall(data)
    big = world.wire.segment(lambda s: s.dport == 4243 and s.len > 1000)
    world.wire.icmp(UNREACH, FRAG_NEEDED, big.quote(), 1000)
    got = b""
    while len(got) < len(data):
        more = peer.recv(4096)
        assert more, "end of file"
        got += more
    equal("data", got == data, True)
    equal("path MTU", path_mtu(sock), 1000)


# ---- half-open connections ---------------------------------------------------------------

def half_open(kind, code, left, offset=0):
    def case(world):
        listener = world.socket()
        listener.bind(("0.0.0.0", 4244))
        listener.listen(5)
        # Nobody answers the SYN-ACK: the address is none of the net's.
        with world.net:
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        syn = struct.pack("!HHIIBBHHH", 999, 4244, 1000, 0, 0x50, 2, 8192, 0, 0)
        pseudo = socket.inet_aton(DEAD) + socket.inet_aton(HOST) + struct.pack("!HH", 6, len(syn))
        syn = syn[:16] + struct.pack("!H", checksum(pseudo + syn)) + syn[18:]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(syn), 1, 0, 64, 6, 0,
                         socket.inet_aton(DEAD), socket.inet_aton(HOST))
        raw.sendto(ip + syn, (HOST, 0))
        raw.close()
        synack = world.wire.segment(lambda s: s.flags == 0x12)
        equal("half-open before", world.requests(), 1)
        world.wire.icmp(kind, code, synack.quote(synack.seq + offset))
        equal("half-open", world.requests(), left)
    return case


CASES = [
    ("SYN-SENT: host unreachable ends it", attempt_fails(UNREACH, 1, errno.EHOSTUNREACH)),
    ("SYN-SENT: port unreachable ends it", attempt_fails(UNREACH, 3, errno.ECONNREFUSED)),
    ("SYN-SENT: administratively prohibited ends it", attempt_fails(UNREACH, 13, errno.EHOSTUNREACH)),
    ("SYN-SENT: time exceeded ends it", attempt_fails(EXCEEDED, 0, errno.EHOSTUNREACH)),
    ("SYN-SENT: parameter problem ends it", attempt_fails(PARAMETER, 0, errno.EPROTO)),
    ("SYN-SENT: the error queue holds it", attempt_queues_error),
    ("SYN-SENT: a number before", attempt_ignores(UNREACH, 1, offset=-1)),
    ("SYN-SENT: a number behind", attempt_ignores(UNREACH, 1, offset=2)),
    ("SYN-SENT: a wrong checksum", attempt_ignores(UNREACH, 1, bad=True)),
    ("SYN-SENT: seven bytes quoted", attempt_ignores(UNREACH, 1, size=7)),
    ("SYN-SENT: reassembly time exceeded", attempt_ignores(EXCEEDED, 1)),
    ("SYN-SENT: source quench (MUST-55)", attempt_ignores(QUENCH, 0)),
    ("SYN-SENT: an unknown code", attempt_ignores(UNREACH, 16)),
    ("ESTABLISHED: host unreachable", connection_lives(UNREACH, 1, errno.EHOSTUNREACH)),
    ("ESTABLISHED: protocol unreachable", connection_lives(UNREACH, 2, errno.ENOPROTOOPT)),
    ("ESTABLISHED: port unreachable", connection_lives(UNREACH, 3, errno.ECONNREFUSED)),
    ("ESTABLISHED: time exceeded", connection_lives(EXCEEDED, 0, errno.EHOSTUNREACH)),
    ("ESTABLISHED: parameter problem", connection_lives(PARAMETER, 0, errno.EPROTO)),
    ("ESTABLISHED: source quench (MUST-55)", connection_lives(QUENCH, 0, 0)),
    ("ESTABLISHED: a redirect", connection_lives(REDIRECT, 1, 0)),
    ("ESTABLISHED: IP_RECVERR reports", connection_reports),
    ("ESTABLISHED: IP_MINTTL", connection_min_ttl),
    ("ESTABLISHED: host unreachable reverts a back-off", connection_reverts_backoff),
    ("path MTU 1000", mtu(1000, 1000)),
    ("path MTU 1000, the whole header quoted", mtu(1000, 1000, size=20)),
    ("path MTU 0: the minimum", mtu(0, 552)),
    ("path MTU 68: the minimum", mtu(68, 552)),
    ("path MTU 552", mtu(552, 552)),
    ("path MTU 2000 is no news", mtu(2000, 1500)),
    ("path MTU, a number behind the window", mtu(1000, 1500, offset=1)),
    ("path MTU, a number long acknowledged", mtu(1000, 1500, offset=-1000)),
    ("path MTU, a wrong checksum", mtu(1000, 1500, bad=True)),
    ("path MTU, ip_no_pmtu_disc 1: the minimum", mtu(1000, 552, knob=("ipv4/ip_no_pmtu_disc", 1))),
    ("path MTU, ip_no_pmtu_disc 2: ignored", mtu(1000, 1500, knob=("ipv4/ip_no_pmtu_disc", 2))),
    ("path MTU, ip_no_pmtu_disc 3: believed", mtu(1000, 1000, knob=("ipv4/ip_no_pmtu_disc", 3))),
    ("path MTU and IP options", mtu_options),
    ("path MTU: what was too big goes again", mtu_resends),
    ("SYN-RECEIVED: host unreachable ends it", half_open(UNREACH, 1, 0)),
    ("SYN-RECEIVED: time exceeded ends it", half_open(EXCEEDED, 0, 0)),
    ("SYN-RECEIVED: port unreachable does not", half_open(UNREACH, 3, 1)),
    ("SYN-RECEIVED: nor a wrong number", half_open(UNREACH, 1, 1, offset=1)),
]


def run(number, name, world, case):
    title = ("xtcp" if world.family == AF_XTCP else "inet") + ", " + name
    taken = world.counter("SegmentsTaken")
    good = True
    try:
        case(world)
        if world.family == AF_XTCP and "SYN-SENT" not in name:
            assert world.counter("SegmentsTaken") > taken, "not over XTCP"
    except (AssertionError, OSError) as error:
        print(f"# {type(error).__name__}: {error}")
        good = False
    print(f"{'ok' if good else 'not ok'} {number} {title}", flush=True)
    world.end_case()
    return good


def main():
    # The slow kernel looks at XTCP; what native TCP does the others have said.
    families = [AF_XTCP] if DEBUG else [socket.AF_INET, AF_XTCP]
    if os.environ.get("XTCP_FAMILY") == "inet":
        families = [socket.AF_INET]
    elif not os.path.exists("/proc/net/xtcp_netstat"):
        print("Bail out! xtcp is not loaded")
        return 1
    cases = [(name, case) for name, case in CASES if not sys.argv[1:] or sys.argv[1] in name]
    print(f"TAP version 13\n1..{len(cases) * len(families)}", flush=True)
    os.sched_setaffinity(0, {0})
    number, good = 0, True
    for family in families:
        world = World(family)
        for name, case in cases:
            # What a path's MTU was learned to be would stay.
            if "path MTU" in name:
                world.close()
                world = World(family)
            number += 1
            good &= run(number, name, world, case)
        world.close()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
