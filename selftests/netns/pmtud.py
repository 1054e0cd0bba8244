#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A path that swallows large packets and says nothing (RFC 4821, RFC 2923).

Three namespaces in a row, "host" with the TCP under test, "router", and "far" with native
TCP. The router's link to the far side has an MTU below what both ends believe, and its
ICMP is dropped. Each case runs over native TCP first and expects the same.
"""
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time

from icmp import AF_XTCP, DEBUG, Namespace, equal, mss

# What works is not kept waiting.
SLOW = 10

HOST, FAR = "10.9.1.1", "10.9.2.1"
PORT = 4244
FULL = 1500 - 52
HOLE = 1200
BLOCK = bytes(range(251)) * 261


class Path:
    """The namespaces and the knobs of the family under test."""

    def __init__(self, family):
        self.family = family
        self.host, self.router, self.far = Namespace("host"), Namespace("router"), Namespace("far")
        for end, addr, gw in (self.host, HOST, "10.9.1.254"), (self.far, FAR, "10.9.2.254"):
            self.router.ip("link", "add", end.name, "type", "veth", "peer", "name", "eth0",
                           "netns", end.name)
            self.router.ip("addr", "add", gw + "/24", "dev", end.name)
            end.ip("addr", "add", addr + "/24", "dev", "eth0")
            self.router.ip("link", "set", end.name, "up")
            end.ip("link", "set", "eth0", "up")
            end.ip("route", "add", "default", "via", gw)
        # Slower than any sender, or nothing would wait behind a probe to tell of its loss.
        subprocess.run(["tc", "-n", "host", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "10mbit",
                        "burst", "16kb", "latency", "1s"], check=True)
        self.router.sysctl("ipv4/ip_forward", 1)
        self.forward()

    def forward(self, also=""):
        """The router's firewall."""
        with self.router:
            subprocess.run(["nft", "table ip t; delete table ip t; table ip t { chain out { type filter hook "
                            "output priority 0; icmp type destination-unreachable drop; }; chain over "
                            "{ type filter hook forward priority 0; " + also + "}; }"], check=True)

    def narrow(self, mtu):
        """What the link behind the router carries."""
        self.router.ip("link", "set", "far", "mtu", str(mtu))

    def knob(self, **values):
        where = "ipv4/tcp_" if self.family == socket.AF_INET else "xtcp/"
        for name, value in values.items():
            self.host.sysctl(where + name, value)

    def counter(self, name):
        table = "netstat" if self.family == socket.AF_INET else "xtcp_netstat"
        with self.host, open("/proc/net/" + table, encoding="ascii") as lines:
            rows = [line.split() for line in lines]
        for names, values in zip(rows[::2], rows[1::2]):
            if name in names:
                return int(values[names.index(name)])
        raise AssertionError(f"there is no counter {name}")

    def close(self):
        for namespace in self.host, self.router, self.far:
            namespace.close()


class Flow(threading.Thread):
    """A connection from the host to the far end, which adds up what it gets."""

    def __init__(self, path):
        super().__init__(daemon=True)
        with path.far:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((FAR, PORT))
            listener.listen(1)
        with path.host:
            sock = socket.socket(path.family, socket.SOCK_STREAM, 0)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, sock.detach())
        self.sock.settimeout(20 * SLOW)
        self.sock.connect((FAR, PORT))
        self.peer, _ = listener.accept()
        self.peer.settimeout(20 * SLOW)
        listener.close()
        self.sent, self.got, self.bytes = hashlib.sha256(), hashlib.sha256(), 0
        self.start()

    def run(self):
        while True:
            data = self.peer.recv(1 << 16)
            if not data:
                break
            self.got.update(data)
            self.bytes += len(data)

    def send(self, blocks=8):
        for _ in range(blocks):
            self.sock.sendall(BLOCK)
            self.sent.update(BLOCK)

    def until(self, done, seconds=15):
        """Sends until done(MSS) holds, and returns the MSS."""
        deadline = time.monotonic() + seconds * SLOW
        while not done(mss(self.sock)):
            assert time.monotonic() < deadline, f"the MSS is still {mss(self.sock)}"
            self.send(2)
        return mss(self.sock)

    def finish(self):
        """All that was sent arrived, and unharmed."""
        self.sock.shutdown(socket.SHUT_WR)
        self.join(20 * SLOW)
        assert not self.is_alive(), f"stuck after {self.bytes} bytes"
        equal("SHA-256", self.got.hexdigest(), self.sent.hexdigest())
        self.sock.close()
        self.peer.close()


def never_found(path):
    """Without probing a black hole stays one."""
    path.narrow(HOLE)
    flow = Flow(path)
    equal("MSS", mss(flow.sock), FULL)
    flow.sock.send(BLOCK)
    time.sleep(1.5)
    equal("bytes that arrived", flow.bytes, 0)
    equal("MSS", mss(flow.sock), FULL)
    flow.sock.close()


def found(path):
    """Time without an ACK makes segments smaller; probes then find what fits."""
    path.narrow(HOLE)
    path.knob(mtu_probing=1, retries1=1)
    flow = Flow(path)
    equal("MSS at first", mss(flow.sock), FULL)
    flow.send()
    best = flow.until(lambda size: size > HOLE - 52 - 8)
    assert best <= HOLE - 52, f"MSS of {best}"
    assert path.counter("TCPMTUPSuccess") and path.counter("TCPMTUPFail")
    flow.finish()


def grows(path):
    """Once the path takes more, so do the segments, after probe_interval."""
    path.narrow(HOLE)
    path.knob(mtu_probing=1, retries1=1, probe_interval=1)
    flow = Flow(path)
    flow.send()
    flow.until(lambda size: size > HOLE - 52 - 8)
    path.narrow(1500)
    flow.until(lambda size: size > FULL - 8)
    flow.finish()


def always(path):
    """mtu_probing 2 begins with base_mss."""
    path.knob(mtu_probing=2, base_mss=600)
    flow = Flow(path)
    equal("MSS at first", mss(flow.sock), 600)
    flow.until(lambda size: size > FULL - 8)
    equal("failures", path.counter("TCPMTUPFail"), 0)
    flow.finish()


def harmless(path):
    """A lost probe is no congestion: no timeout, no recovery, but what a busy machine adds.

    6.1's own TCP may recover from each, so of the kernel's only the bytes are asked.
    """
    names = "TCPTimeouts", "TCPSackRecovery"
    path.narrow(HOLE)
    path.knob(mtu_probing=2)
    for _ in range(8):
        before = [path.counter(name) for name in names]
        failed = path.counter("TCPMTUPFail")
        flow = Flow(path)
        flow.until(lambda size: size > HOLE - 52 - 8)
        flow.send()
        assert path.counter("TCPMTUPFail") > failed + 1
        after = [path.counter(name) for name in names]
        flow.finish()
        if after == before or path.family == socket.AF_INET:
            return
    raise AssertionError(f"{names} rose with each: {before} to {after}")


def without_sack(path):
    """Duplicate ACKs, or a timeout, tell of the lost probe."""
    path.narrow(HOLE)
    path.knob(mtu_probing=2, sack=0)
    flow = Flow(path)
    flow.until(lambda size: size > HOLE - 52 - 8)
    flow.finish()


def threshold(path):
    """The search ends when what it may still gain is below probe_threshold."""
    path.narrow(HOLE)
    path.knob(mtu_probing=2, probe_threshold=600)
    flow = Flow(path)
    equal("MSS at first", mss(flow.sock), 1024)
    flow.send(16)
    equal("MSS", mss(flow.sock), 1024)
    equal("failures", path.counter("TCPMTUPFail"), 0)
    flow.finish()


def small_pieces(path):
    """A probe is made of several segments where the queue holds them one by one."""
    path.host.ip("link", "set", "eth0", "gso_max_segs", "1")
    path.narrow(HOLE)
    path.knob(mtu_probing=2)
    flow = Flow(path)
    flow.until(lambda size: size > HOLE - 52 - 8)
    assert path.counter("TCPMTUPSuccess")
    flow.finish()


def floor(path):
    """A path that takes nothing for a while is not cut below mtu_probe_floor."""
    path.knob(mtu_probing=1, retries1=0, mtu_probe_floor=300)
    flow = Flow(path)
    path.forward("drop;")
    flow.sock.send(BLOCK)
    flow.sent.update(BLOCK)
    deadline = time.monotonic() + 15 * SLOW
    while mss(flow.sock) > 300:
        assert time.monotonic() < deadline, f"the MSS is still {mss(flow.sock)}"
        time.sleep(0.1)
    time.sleep(1)
    equal("MSS", mss(flow.sock), 300)
    path.forward()
    flow.send()
    flow.finish()


CASES = [
    ("mtu_probing 0: not found", never_found),
    ("mtu_probing 1: found, and what fits is used", found),
    ("mtu_probing 1: the path grows", grows),
    ("mtu_probing 2: from base_mss up", always),
    ("a lost probe does no harm", harmless),
    ("without SACK", without_sack),
    ("probe_threshold ends the search", threshold),
    ("a probe of small pieces", small_pieces),
    ("mtu_probe_floor", floor),
]


def run(number, name, family, case):
    path = Path(family)
    try:
        case(path)
    except (AssertionError, OSError) as error:
        print(f"not ok {number} {name}\n# {type(error).__name__}: {error}", flush=True)
        return False
    finally:
        path.close()
    print(f"ok {number} {name}", flush=True)
    return True


def main():
    families = [AF_XTCP] if DEBUG else [socket.AF_INET, AF_XTCP]
    if os.environ.get("XTCP_FAMILY") == "inet":
        families = [socket.AF_INET]
    elif not os.path.exists("/proc/net/xtcp_netstat"):
        print("Bail out! xtcp is not loaded")
        return 1
    print(f"TAP version 13\n1..{len(families) * len(CASES)}", flush=True)
    number, good = 0, True
    for family in families:
        for name, case in CASES:
            number += 1
            good &= run(number, f"{'native' if family == socket.AF_INET else 'xtcp'}: {name}", family, case)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
