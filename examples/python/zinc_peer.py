#!/usr/bin/env python3
"""A Zinc client in one file: joins a host, listens, sends, and answers requests. Needs pyzmq and nothing else.

    zinc_peer.py tcp://127.0.0.1:7700 --token sesame --listen 'price.*' --send news '{"hello": 1}' --answer sum

It follows docs/protocol/control.md, "A minimal client", step by step, and prints one JSON object a line.
"""

import argparse
import json
import struct
import sys
import time
import uuid

try:
    import zmq
except ModuleNotFoundError:
    sys.exit("this needs pyzmq: sudo apt install python3-zmq (and run it with /usr/bin/python3), or pip install pyzmq")

# ---- Protocol Buffers, as little of it as control messages need ----


def varint(number):
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def message(*fields):
    """Octets of a message; each field is (number, value), and a list repeats its field. Nothing is written for 0 or b""."""
    out = b""
    for number, value in fields:
        for each in value if isinstance(value, list) else [value] if value else []:
            if isinstance(each, int):
                out += varint(number << 3) + varint(each)
            else:
                each = each.encode() if isinstance(each, str) else each
                out += varint(number << 3 | 2) + varint(len(each)) + each
    return out


def fields(octets):
    """The fields of a message: number -> list of int or bytes. Fields nobody knows are simply not looked at."""
    found, at = {}, 0

    def read_varint():
        nonlocal at
        number = shift = 0
        while True:
            octet = octets[at]
            at += 1
            number |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                return number

    while at < len(octets):
        tag = read_varint()
        if tag & 7 == 0:
            value = read_varint()
        elif tag & 7 == 2:
            length = read_varint()
            value, at = octets[at : at + length], at + length
        else:
            raise ValueError(f"wire type {tag & 7} is not used by Zinc")
        found.setdefault(tag >> 3, []).append(value)
    return found


def first(found, number, default=0):
    return found.get(number, [default])[0]


# Bodies of Control, and kinds of data frames (proto/control.proto, docs/protocol/envelope.md).
JOIN, ACCEPT, REDIRECT, REFUSE, SYNC, HEARTBEAT, HEARTBEAT_REPLY, ACK = 10, 11, 12, 13, 14, 15, 16, 17
LEAVE, SLOW, UNDELIVERABLE = 22, 23, 25
BROADCAST, DIRECT, REQUEST, REPLY, CANCEL, FRAGMENT, MARK, BASELINE = range(1, 9)
UP, AGAIN = 0x01, 0x02
TARGET, CORRELATION, TOPIC, ERROR = 2, 3, 5, 6
RAW, JSON = 0, 1

# version kind flags codec | hops zero extension-length | epoch age | origin | sequence order | the leg's 24 octets
HEADER = struct.Struct(">BBBB BxH II 16s QQ 24s")


def pack_extensions(found):
    return b"".join(struct.pack(">BH", kind, len(value)) + value for kind, value in found.items())


def read_extensions(octets):
    found, at = {}, 0
    while at < len(octets):
        kind, length = struct.unpack_from(">BH", octets, at)
        found[kind] = octets[at + 3 : at + 3 + length]
        at += 3 + length
    return found


def decode(codec, payload):
    if codec == JSON:
        return json.loads(payload)
    return payload.decode("utf-8", "backslashreplace") if codec == RAW else f"codec {codec}: {payload.hex()}"


class Refused(Exception):
    pass


class Lost(Exception):
    pass


class Peer:
    def __init__(self, address, name, token="", patterns=(), answers=(), report=print):
        self.address, self.name, self.token = address, name, token
        self.patterns, self.answers, self.report = patterns, answers, report
        self.id = uuid.uuid4().bytes
        self.sequences = {}  # Our own, by topic.
        self.expected = {}  # The next number of each stream, by topic and origin.
        self.unrooted = {}  # Up frames that the root may not have yet, by leg number.
        self.leg = 0
        self.mark = 0
        self.published = 0  # The highest publish number seen.
        self.received = 0  # Messages reported.
        context = zmq.Context.instance()
        self.dealer, self.sub, self.push = (context.socket(kind) for kind in (zmq.DEALER, zmq.SUB, zmq.PUSH))
        for socket in (self.dealer, self.sub, self.push):
            # A lost leg is a new socket, never a silent reconnection (L1). A time that never comes, and not -1, with which
            # libzmq throws away what has come but is not read yet.
            socket.setsockopt(zmq.RECONNECT_IVL, 2**31 - 1)
            socket.setsockopt(zmq.LINGER, 1000)
            socket.setsockopt(zmq.SNDHWM, 0)
        self.poller = zmq.Poller()
        self.poller.register(self.dealer, zmq.POLLIN)
        self.poller.register(self.sub, zmq.POLLIN)

    # ---- joining ----

    def join(self, timeout=5.0):
        self.dealer.connect(self.address)
        self.control(JOIN, (1, 1), (2, 1), (6, self.token), (7, self.id), (8, self.name), (24, self.address))
        if not self.dealer.poll(timeout * 1000):
            raise Lost(f"nobody answered at {self.address} within {timeout} s")
        answer = fields(self.dealer.recv_multipart()[0])
        if REFUSE in answer:
            refusal = fields(answer[REFUSE][0])
            raise Refused(f"{first(refusal, 1, b'').decode()}: {first(refusal, 2, b'').decode()}")
        if ACCEPT not in answer:
            raise Refused("redirected" if REDIRECT in answer else "an answer that is neither ACCEPT nor REFUSE")
        accept = fields(answer[ACCEPT][0])
        addresses, limits = fields(first(accept, 12, b"")), fields(first(accept, 19, b""))
        self.incarnation, self.link, self.session = first(accept, 8), first(accept, 9), first(accept, 10)
        self.prefix = first(accept, 13)
        self.keep = first(limits, 3, 10_000) / 1000
        self.hops = first(limits, 8, 10)
        self.sub.connect(self.leg_address(first(addresses, 2, b"")))
        self.push.connect(self.leg_address(first(addresses, 3, b"")))
        self.heard = time.monotonic()

        wanted = [self.prefix + b"d\0", b"mmark\0"]
        for pattern in self.patterns:
            name = pattern[:-1].encode() if pattern.endswith("*") else pattern.encode() + b"\0"
            wanted += [b"n" + name, b"o" + name]
        for prefix in wanted:
            self.sub.subscribe(prefix)
        # No baseline within a second: ask again under the next number (L2).
        for self.sync in range(1, 6):
            self.sub.subscribe(self.prefix + b"%d\0" % self.sync)
            self.control(SYNC, (1, self.sync), (2, wanted))
            self.joined = False
            until = time.monotonic() + 1
            while not self.joined and time.monotonic() < until:
                self.step(0.1)
            if self.joined:
                self.report({"event": "joined", "host": first(accept, 7, b"").decode(), "link": self.link})
                return
        raise Lost("no baseline came")

    def leg_address(self, said):
        """Empty means what was dialled; of a tcp address only the port counts."""
        if not said:
            return self.address
        said = said.decode()
        return f"{self.address.rpartition(':')[0]}:{said.rpartition(':')[2]}" if said.startswith("tcp:") else said

    # ---- sending ----

    def send(self, topic, value):
        self.up(b"n" + topic.encode() + b"\0", BROADCAST, JSON, json.dumps(value).encode())

    def reply(self, origin, extensions, value, error=None):
        answer = {TARGET: origin, CORRELATION: extensions[CORRELATION]}
        if error is not None:
            answer[ERROR] = error.encode()
        codec, payload = (JSON, json.dumps(value).encode()) if error is None else (RAW, value.encode())
        self.up(b"~to\0", REPLY, codec, payload, answer)

    def up(self, topic, kind, codec, payload, extensions={}):
        # Direct messages have a stream for each target.
        stream = (topic, extensions.get(TARGET))
        self.sequences[stream] = sequence = self.sequences.get(stream, 0) + 1
        self.leg += 1
        packed = pack_extensions(extensions)
        block = self.session + struct.pack(">Q", self.leg)
        header = HEADER.pack(1, kind, UP, codec, self.hops, len(packed), 0, 0, self.id, sequence, 0, block) + packed
        self.unrooted[self.leg] = [topic, header, payload]
        self.push.send_multipart(self.unrooted[self.leg])

    def control(self, body, *values, after=0):
        self.dealer.send(message((1, after), (body, [message(*values)])))

    # ---- receiving ----

    def step(self, seconds):
        """Handles what comes within that time."""
        for socket, _ in self.poller.poll(seconds * 1000):
            while socket.poll(0):
                frames = socket.recv_multipart()
                self.on_control(fields(frames[0])) if socket is self.dealer else self.on_data(*frames)
        if time.monotonic() - self.heard > self.keep:
            raise Lost(f"the host has been silent for {self.keep:.0f} s")

    def on_control(self, control):
        self.heard = time.monotonic()
        for body, (octets, *_) in control.items():
            if body == HEARTBEAT:
                count = first(fields(octets), 1)
                self.control(HEARTBEAT_REPLY, (1, count), (2, self.mark), (3, self.leg))
            elif body == ACK:
                self.on_ack(fields(octets))
            elif body == SLOW:
                raise Lost("the host cut us off as too slow")
            elif body == LEAVE:
                # What it published before may still be on its way.
                until = time.monotonic() + 1
                while self.published < first(control, 1) and time.monotonic() < until:
                    if self.sub.poll(50):
                        self.on_data(*self.sub.recv_multipart())
                raise Lost("the host left")
            elif body == UNDELIVERABLE:
                self.report({"event": "undeliverable", "code": first(fields(octets), 3, b"").decode()})

    def on_ack(self, ack):
        received, rooted = first(ack, 1), first(ack, 2)
        before = len(self.unrooted)
        self.unrooted = {leg: frames for leg, frames in self.unrooted.items() if leg > rooted}
        if len(self.unrooted) < before:
            self.report({"event": "rooted", "through": rooted})
        if first(ack, 3):  # Go back and send again.
            for leg, (topic, header, payload) in self.unrooted.items():
                if leg > received:
                    again = header[:2] + bytes([header[2] | AGAIN]) + header[3:]
                    self.push.send_multipart([topic, again, payload])

    def on_data(self, topic, header, payload):
        _, kind, _, codec, _, length, _, _, origin, sequence, order, block = HEADER.unpack_from(header)
        incarnation, link, number, _ = struct.unpack(">IIQQ", block)
        if incarnation != self.incarnation or len(header) != HEADER.size + length:
            return
        self.published = max(self.published, number)
        if kind == MARK:
            self.mark = first(fields(payload), 1)
        elif kind == BASELINE:
            self.on_baseline(fields(payload))
        elif origin != self.id and link != self.link and self.is_next(topic, origin, sequence, order):
            extensions = read_extensions(header[HEADER.size :])
            name = extensions[TOPIC].decode() if TOPIC in extensions else topic[1:-1].decode()
            event = {"topic": name, "origin": str(uuid.UUID(bytes=origin)), "sequence": sequence}
            if kind in (BROADCAST, DIRECT):
                self.received += 1
                self.report({"event": "message", **event, "direct": kind == DIRECT, "value": decode(codec, payload)})
            elif kind == REQUEST:
                self.report({"event": "request", **event, "value": decode(codec, payload)})
                if name in self.answers:
                    self.reply(origin, extensions, {"answer": decode(codec, payload), "by": self.name})
                else:
                    self.reply(origin, extensions, f'"{self.name}" has no handler for "{name}"', "NoHandler")

    def on_baseline(self, baseline):
        if first(baseline, 1) != self.sync:
            return
        self.sub.unsubscribe(self.prefix + b"%d\0" % self.sync)
        for refused in baseline.get(3, []):
            self.report({"event": "notGranted", "topic": first(fields(refused), 1, b"").decode(errors="replace")})
        for position in map(fields, baseline.get(4, [])):
            self.expected.setdefault((first(position, 1), first(position, 2, b"")), first(position, 3) + 1)
        self.joined = True

    def is_next(self, topic, origin, sequence, order):
        """Whether it is new; a hole is only reported here, where a fuller client would repair it."""
        stream, number = ((topic, b""), order) if topic[:1] in b"os" else ((topic, origin), sequence)
        expected = self.expected.get(stream, number)
        if number < expected:
            return False
        if number > expected:
            self.report({"event": "gap", "topic": topic[1:-1].decode(), "from": expected, "through": number - 1})
        self.expected[stream] = number + 1
        return True

    def leave(self):
        self.control(LEAVE, (1, "Requested"), (2, "it is done"), after=self.leg)
        for socket in (self.dealer, self.push, self.sub):
            socket.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", help="where the host listens, such as tcp://127.0.0.1:7700")
    parser.add_argument("--name", default="python")
    parser.add_argument("--token", default="")
    parser.add_argument("--listen", metavar="TOPIC", action="append", default=[], help="topic, or pattern ending in *")
    parser.add_argument("--send", metavar=("TOPIC", "JSON"), nargs=2, action="append", default=[])
    parser.add_argument("--answer", metavar="TOPIC", action="append", default=[], help="answer requests on that topic")
    parser.add_argument("--messages", type=int, default=0, help="leave after so many messages")
    parser.add_argument("--seconds", type=float, default=0, help="leave after that time")
    options = parser.parse_args()

    def report(event):
        print(json.dumps(event, ensure_ascii=False), flush=True)

    peer = Peer(options.address, options.name, options.token, options.listen, options.answer, report)
    try:
        peer.join()
        for topic, value in options.send:
            peer.send(topic, json.loads(value))
        until = time.monotonic() + options.seconds if options.seconds else None
        while True:
            done = options.messages and peer.received >= options.messages
            nothing_else = options.send and not (options.listen or options.answer or options.seconds)
            if (done or nothing_else) and not peer.unrooted or until and time.monotonic() > until:
                break
            peer.step(0.05)
        peer.leave()
    except KeyboardInterrupt:
        peer.leave()
    except (Refused, Lost) as error:
        report({"event": type(error).__name__.lower(), "reason": str(error)})
        return 3 if isinstance(error, Refused) else 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
