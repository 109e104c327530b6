#!/usr/bin/env python3
"""Records the experiments of this folder: real Linux TCP over a wire that keeps to a script.

    sudo captures/record.py                 every experiment
    sudo captures/record.py retransmission  those named

Two hosts, each in a network namespace of its own, have a TAP device each. This script is the wire
between the two: it carries every frame from one TAP to the other after the propagation delay, and
does to the frames that `experiment.toml` names exactly what it says there. What each end sent and
received goes to `client.pcapng` and `server.pcapng` beside it. No packet is made here: the kernel
makes them all.

Python's standard library is all it needs, and root, for the namespaces. They have no names and
belong to this process alone, so whatever ends it (Ctrl-C, a crash, kill -9) also removes them.

What `experiment.toml` may say is in docs/EXTENDING.md; unknown words are errors.
"""

import argparse
import ctypes
import fcntl
import heapq
import os
import pathlib
import select
import signal
import socket
import struct
import sys
import threading
import time
import tomllib

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
# Without IFF_VNET_HDR the kernel hands over whole frames: within the MTU, checksums filled in.
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
IFF_UP = 0x1
SIOCSIFFLAGS, SIOCGIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8914, 0x8913, 0x8916, 0x891C
SIOCSIFHWADDR, SIOCSARP = 0x8924, 0x8955
ARPHRD_ETHER, ATF_COM, ATF_PERM = 1, 0x02, 0x04

HOSTS = {"client": ("10.0.0.1", "02:00:00:00:00:01"), "server": ("10.0.0.2", "02:00:00:00:00:02")}
OTHER = {"client": "server", "server": "client"}
PORT = 8080
# No experiment lasts longer; one that does has hung.
LONGEST_S = 30.0
# After the last call, the wire stays up until nothing has moved for this long.
QUIET_S = 0.3

# Everything that shapes what TCP does here, whatever the machine's defaults are. An experiment
# may change some of it. All of it is written into the recordings.
SYSCTLS = {
    # No neighbour discovery, no router solicitation.
    "net.ipv6.conf.all.disable_ipv6": "1",
    "net.ipv6.conf.default.disable_ipv6": "1",
    "net.ipv4.tcp_autocorking": "1",
    # Every segment that arrives out of order is answered at once, as RFC 5681 section 4.2 asks.
    "net.ipv4.tcp_comp_sack_nr": "0",
    "net.ipv4.tcp_congestion_control": "reno",
    "net.ipv4.tcp_dsack": "1",
    "net.ipv4.tcp_early_retrans": "3",
    "net.ipv4.tcp_ecn": "0",
    "net.ipv4.tcp_fastopen": "0",
    "net.ipv4.tcp_frto": "2",
    # A probe is answered even when another was answered half a second ago.
    "net.ipv4.tcp_invalid_ratelimit": "0",
    "net.ipv4.tcp_moderate_rcvbuf": "1",
    # What one connection learned must not shape the next.
    "net.ipv4.tcp_no_metrics_save": "1",
    "net.ipv4.tcp_recovery": "1",
    "net.ipv4.tcp_rmem": "4096 131072 6291456",
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.tcp_slow_start_after_idle": "1",
    "net.ipv4.tcp_syn_linear_timeouts": "0",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_window_scaling": "1",
    "net.ipv4.tcp_wmem": "4096 16384 4194304",
}


class Mistake(Exception):
    """Something the person who runs this can put right."""


def only(table, known, where):
    """Refuses words that mean nothing, so that a typing error can't pass for a setting."""
    for key in table:
        if key not in known:
            raise Mistake(f"{where}: unknown key '{key}'; known: {', '.join(sorted(known))}")


# ---------------------------------------------------------------------------------------- hosts

libc = ctypes.CDLL(None, use_errno=True)


class Host:
    """One end: a network namespace, its TAP device, and the application that runs there."""

    def __init__(self, name, calls, sysctls, listening, deadline):
        self.name, self.calls, self.sysctls = name, calls, sysctls
        self.listening, self.deadline = listening, deadline
        self.socket = self.listener = self.failure = self.tap = None
        self.ready, self.go, self.done = threading.Event(), threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._live, daemon=True)
        self.thread.start()

    def _live(self):
        # A namespace belongs to a thread, and so does everything that the thread opens.
        try:
            self._make()
            self.ready.set()
            self.go.wait()
            for call in self.calls:
                self._call(call)
        except BaseException as failure:  # reported by the thread that waits for this one
            self.failure = failure
        finally:
            self.ready.set()
            self.done.set()

    def _make(self):
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "can't make a network namespace; run this as root")
        for key, value in self.sysctls.items():
            path = pathlib.Path("/proc/sys") / key.replace(".", "/")
            if path.exists():  # older kernels lack some
                path.write_text(value)
        try:
            self.tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        except OSError as error:
            raise Mistake(f"can't open /dev/net/tun: {error.strerror}; run this as root "
                          "(in a container: with --device /dev/net/tun)") from error
        address, mac = HOSTS[self.name]
        peer, peer_mac = HOSTS[OTHER[self.name]]
        device = b"eth0"
        fcntl.ioctl(self.tap, TUNSETIFF, struct.pack("16sH22x", device, IFF_TAP | IFF_NO_PI))
        hardware = struct.pack("H6s8x", ARPHRD_ETHER, bytes.fromhex(mac.replace(":", "")))
        peer_hardware = struct.pack("H6s8x", ARPHRD_ETHER, bytes.fromhex(peer_mac.replace(":", "")))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            def ask(request, argument):
                return fcntl.ioctl(control, request, argument)
            ask(SIOCSIFHWADDR, struct.pack("16s16s8x", device, hardware))
            for name in (b"lo", device):
                flags = struct.unpack("16xH22x", ask(SIOCGIFFLAGS, struct.pack("16s24x", name)))[0]
                ask(SIOCSIFFLAGS, struct.pack("16sH22x", name, flags | IFF_UP))
            ask(SIOCSIFADDR, struct.pack("16s16s8x", device, sockaddr(address)))
            ask(SIOCSIFNETMASK, struct.pack("16s16s8x", device, sockaddr("255.255.255.0")))
            # A cold neighbour table would put ARP in front of the first segment.
            ask(SIOCSARP, struct.pack("16s16si16s16s", sockaddr(peer), peer_hardware,
                                      ATF_COM | ATF_PERM, bytes(16), device))

    def _call(self, call):
        """One step of the application. Blocking ones end with the experiment's time at the latest."""
        name, argument = (call, None) if isinstance(call, str) else next(iter(call.items()))
        if name == "listen":
            self.listener = self._new_socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((HOSTS[self.name][0], PORT))
            self.listener.listen(1)
            self.listening.set()
        elif name == "accept":
            self.listener.settimeout(self._left())
            self.socket, _ = self.listener.accept()
        elif name == "connect":
            if not self.listening.wait(self._left()):
                raise Mistake(f"{self.name}: connect: nobody listens")
            self.socket = self._new_socket()
            self.socket.settimeout(self._left())
            self.socket.connect((HOSTS[OTHER[self.name]][0], PORT))
        elif name == "connect-refused":
            self.socket = self._new_socket()
            self.socket.settimeout(self._left())
            try:
                self.socket.connect((HOSTS[OTHER[self.name]][0], PORT))
            except ConnectionRefusedError:
                return
            raise Mistake(f"{self.name}: connect-refused: the connection was accepted")
        elif name == "send":
            self.socket.settimeout(self._left())
            self.socket.sendall(payload(argument))
        elif name == "receive":
            self._receive(argument)
        elif name == "pause_ms":
            time.sleep(min(argument / 1000, self._left()))
        elif name == "shutdown":
            self.socket.shutdown(socket.SHUT_WR)
        elif name == "close":
            self.socket.close()
        elif name == "abort":
            # Lingering for no time at all turns close into an RST (RFC 9293 section 3.10.5).
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
        elif name == "receive_buffer":
            self.receive_buffer = argument
        elif name == "window_clamp":
            self.window_clamp = argument
        elif name == "keep_alive_s":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, argument)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, argument)
        else:
            raise Mistake(f"{self.name}: unknown call '{name}'")

    receive_buffer = window_clamp = None

    def _new_socket(self):
        new = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if self.receive_buffer:
            new.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        if self.window_clamp:
            new.setsockopt(socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, self.window_clamp)
        return new

    def _receive(self, wanted):
        """`"end"`: until the other side is done; a number: so many bytes; "reset": until an RST."""
        got = 0
        while wanted in ("end", "reset") or got < wanted:
            self.socket.settimeout(self._left())
            try:
                some = self.socket.recv(65536 if isinstance(wanted, str) else wanted - got)
            except ConnectionResetError:
                if wanted == "reset":
                    return
                raise
            if not some:
                if wanted == "end":
                    return
                raise Mistake(f"{self.name}: receive {wanted}: the end came after {got} bytes")
            got += len(some)

    def _left(self):
        return max(self.deadline - time.monotonic(), 0.001)


def sockaddr(address):
    return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))


def payload(what):
    """Text as bytes, or so many bytes of text that says where in the stream it stands."""
    if isinstance(what, int):
        # Eight bytes a line: segments of 1448 start with one, so that each tells where it belongs.
        lines = (f"{at:07d}\n" for at in range(0, what, 8))
        return "".join(lines).encode()[:what]
    only(what, {"text", "encoding"}, "send")
    return what["text"].encode(what.get("encoding", "utf-8"))


# ---------------------------------------------------------------------------------------- wire

KINDS = ("segment", "syn", "syn-ack", "ack", "data", "fin", "rst")


def read_segment(frame):
    """(kind, sequence number, bytes of sequence space) of a TCP frame; None for anything else."""
    if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_TCP:
        return None
    ip_header = (frame[14] & 15) * 4
    total = int.from_bytes(frame[16:18], "big")
    tcp = 14 + ip_header
    sequence = int.from_bytes(frame[tcp + 4:tcp + 8], "big")
    data = total - ip_header - (frame[tcp + 12] >> 4) * 4
    flags = frame[tcp + 13]
    fin, syn, rst, ack = flags & 1, flags >> 1 & 1, flags >> 2 & 1, flags >> 4 & 1
    kind = ("syn-ack" if syn and ack else "syn" if syn else "rst" if rst else
            "data" if data else "fin" if fin else "ack")
    return kind, sequence, data + syn + fin


class Fault:
    """What happens to one packet, named as a person would: "client data 3"."""

    ACTIONS = {"drop", "delay_ms", "duplicate", "behind", "corrupt_bit"}

    def __init__(self, table):
        only(table, self.ACTIONS | {"packet", "times"}, "fault")
        actions = self.ACTIONS & table.keys()
        if len(actions) != 1:
            raise Mistake(f"fault: exactly one of {', '.join(sorted(self.ACTIONS))} is needed")
        self.action = actions.pop()
        self.amount = table[self.action]
        words = table["packet"].split()
        if len(words) != 3 or words[0] not in HOSTS or words[1] not in KINDS:
            raise Mistake(f"fault: '{table['packet']}': say who, what and which, as in "
                          f"'client data 3'; what is one of {', '.join(KINDS)}")
        self.sender, self.kind, self.count = words[0], words[1], int(words[2])
        # How often: 2 also meets the packet's first retransmission.
        self.times = table.get("times", 1)
        self.sequence, self.met = None, 0

    def meets(self, sender, kind, number, sequence, first):
        """Whether this fault falls on that packet, the `number`th of its kind."""
        if sender != self.sender or self.met >= self.times:
            return False
        if first and kind in (self.kind, None) and number == self.count:
            self.sequence = sequence
        elif first or sequence != self.sequence:
            return False
        self.met += 1
        return True


class Direction:
    """Counts what one host sends, so that faults can name it."""

    def __init__(self):
        self.counts = dict.fromkeys(KINDS, 0)
        self.edge = None  # just past the highest sequence number sent

    def count(self, kind, sequence, length):
        """Whether this is a first transmission; counts it if so."""
        end = sequence + length
        new = self.edge is None or 0 < (end - self.edge) & 0xFFFFFFFF < 0x80000000
        if length and not new:
            return False
        if length:
            self.edge = end & 0xFFFFFFFF
        for counted in (kind, "segment"):
            self.counts[counted] += 1
        return True


class Wire:
    """Carries frames between the two TAPs, late by the propagation delay, faults as told."""

    def __init__(self, taps, delay_s, faults, pens):
        self.taps, self.delay_s, self.faults, self.pens = taps, delay_s, faults, pens
        self.names = {tap: name for name, tap in taps.items()}
        self.directions = {name: Direction() for name in taps}
        self.queue, self.order = [], 0   # (due, order, receiver, frame)
        self.held = []                   # [frames still to pass, receiver, frame]
        self.epoch_ns = time.time_ns() - time.monotonic_ns()
        self.poll = select.poll()
        for tap in self.names:
            self.poll.register(tap, select.POLLIN)

    def step(self, longest_s):
        """Moves what is due; waits for the next thing to happen, `longest_s` at most."""
        now = time.monotonic()
        wait = min(longest_s, max(self.queue[0][0] - now, 0) if self.queue else longest_s)
        moved = False
        # Rounding a wait down and asking again is exact; rounding it up would be late.
        for tap, _ in self.poll.poll(int(wait * 1000)):
            moved = True
            self._sent(self.names[tap], os.read(tap, 65536))
        # One at a time: what a frame provokes is noted before the next one is delivered.
        if self.queue and self.queue[0][0] <= time.monotonic():
            _, _, receiver, frame = heapq.heappop(self.queue)
            self._note(receiver, frame)
            os.write(self.taps[receiver], frame)
            moved = True
        return moved or bool(self.queue)

    def _note(self, name, frame):
        self.pens[name].packet(self.epoch_ns + time.monotonic_ns(), frame)

    def _sent(self, sender, frame):
        self._note(sender, frame)
        receiver, copies, delay = OTHER[sender], 1, self.delay_s
        segment = read_segment(frame)
        if segment:
            kind, sequence, length = segment
            direction = self.directions[sender]
            first = direction.count(kind, sequence, length)
            for fault in self.faults:
                number = direction.counts[fault.kind]
                same = kind if fault.kind != "segment" else None
                if not fault.meets(sender, same, number, sequence, first):
                    continue
                if fault.action == "drop":
                    copies = 0
                elif fault.action == "duplicate":
                    copies += fault.amount
                elif fault.action == "delay_ms":
                    delay += fault.amount / 1000
                elif fault.action == "corrupt_bit":
                    frame = flip(frame, fault.amount)
                elif fault.action == "behind":
                    self.held.append([fault.amount + 1, sender, frame])
                    copies = 0
        for _ in range(copies):
            self._queue(receiver, frame, delay)
        for entry in [entry for entry in self.held if entry[1] == sender]:
            entry[0] -= 1
            if entry[0] == 0:
                self.held.remove(entry)
                self._queue(receiver, entry[2], self.delay_s)

    def _queue(self, receiver, frame, delay):
        self.order += 1
        heapq.heappush(self.queue, (time.monotonic() + delay, self.order, receiver, frame))


def flip(frame, bit):
    """The frame with one bit of it flipped, counted from the end: 0 is the last."""
    changed = bytearray(frame)
    changed[-1 - bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# ---------------------------------------------------------------------------------------- pcapng

class Pen:
    """Writes one end's frames as pcapng (draft-ietf-opsawg-pcapng): one section, one interface."""

    def __init__(self, path, name, comment):
        self.file = open(path, "wb")
        system = f"{os.uname().sysname} {os.uname().release.split('-')[0]}"
        self._block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1), [
            (1, comment.encode()), (3, system.encode()), (4, b"wirelab captures/record.py")])
        # LINKTYPE_ETHERNET, no limit on length; times are in nanoseconds (if_tsresol 9).
        self._block(1, struct.pack("<HHI", 1, 0, 0), [(2, name.encode()), (9, b"\x09")])

    def packet(self, time_ns, frame):
        head = struct.pack("<IIIII", 0, time_ns >> 32, time_ns & 0xFFFFFFFF, len(frame), len(frame))
        self._block(6, head + padded(frame), [])

    def _block(self, kind, body, options):
        for code, value in options:
            body += struct.pack("<HH", code, len(value)) + padded(value)
        if options:
            body += bytes(4)
        length = struct.pack("<I", len(body) + 12)
        self.file.write(struct.pack("<I", kind) + length + body + length)

    def close(self):
        self.file.close()


def padded(data):
    return data + bytes(-len(data) % 4)


# ---------------------------------------------------------------------------------------- runs

def load(folder):
    path = folder / "experiment.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Mistake(f"can't read {path}: {error}") from error
    only(table, {"title", "look_for", "order", "wire", "sysctl", "client", "server"}, path)
    for name in HOSTS:
        only(table[name], {"calls"}, f"{path}: {name}")
    only(table.get("wire", {}), {"delay_ms", "fault"}, f"{path}: wire")
    only(table.get("sysctl", {}), SYSCTLS, f"{path}: sysctl")
    return table


def record(folder):
    """Runs one experiment; the recording takes its place only when all of it went well."""
    table = load(folder)
    sysctls = SYSCTLS | table.get("sysctl", {})
    wire_table = table.get("wire", {})
    faults = [Fault(fault) for fault in wire_table.get("fault", [])]
    comment = "\n".join([table["title"]] + [f"{k} = {v}" for k, v in sysctls.items()])
    deadline = time.monotonic() + LONGEST_S
    listening = threading.Event()
    hosts = {name: Host(name, table[name]["calls"], sysctls, listening, deadline) for name in HOSTS}
    for host in hosts.values():
        host.ready.wait()
        if host.failure:
            raise host.failure
    drafts = {name: folder / f".{name}.pcapng.new" for name in HOSTS}
    pens = {name: Pen(path, name, comment) for name, path in drafts.items()}
    try:
        wire = Wire({name: host.tap for name, host in hosts.items()},
                    wire_table.get("delay_ms", 10) / 1000, faults, pens)
        run(wire, hosts, deadline)
        for fault in faults:
            if fault.met < fault.times:
                raise Mistake(f"'{fault.sender} {fault.kind} {fault.count}' was met "
                              f"{fault.met} times, not {fault.times}")
        for name, path in drafts.items():
            pens[name].close()
            path.replace(folder / f"{name}.pcapng")
    finally:
        for name, path in drafts.items():
            pens[name].close()
            path.unlink(missing_ok=True)
        for host in hosts.values():
            os.close(host.tap)


def run(wire, hosts, deadline):
    for host in hosts.values():
        host.go.set()
    last = time.monotonic()
    while time.monotonic() - last < QUIET_S:
        if wire.step(0.05) or not all(host.done.is_set() for host in hosts.values()):
            last = time.monotonic()
        for host in hosts.values():
            if host.failure:
                raise Mistake(f"{host.name}: {host.failure}") from host.failure
        if time.monotonic() > deadline:
            raise Mistake(f"not over after {LONGEST_S:.0f} seconds")


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Records the experiments of this folder.")
    parser.add_argument("names", nargs="*", help="the experiments to record; all if none is named")
    names = parser.parse_args().names or sorted(p.parent.name for p in here.glob("*/experiment.toml"))
    for name in names:
        started = time.monotonic()
        try:
            record(here / name)
        except (Mistake, OSError) as failure:
            sys.exit(f"record {name}: {failure}")
        print(f"{name}: recorded in {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("record: stopped; nothing was changed for the experiment under way")
