"""A libzmq peer through python3-zmq. It obeys lines of JSON on standard input and answers each with one line.

Commands and answers are those of zeromq-peer.mjs; both are told by peer-process.ts.
"""
import hashlib
import json
import sys
import threading
import time

import zmq

context = zmq.Context()
sockets = {}
# What the handler of ZAP was asked: domain, address, mechanism, and who.
asked = []


def content(seed, size):
    """The octets of a frame: both ends make them from the seed."""
    block = hashlib.sha256(f"{seed}:{size}".encode()).digest()
    return (block * (size // len(block) + 1))[:size]


def describe(frames):
    return [f"{len(frame)}:{hashlib.sha256(frame).hexdigest()[:16]}" for frame in frames]


def open_socket(command):
    s = context.socket(getattr(zmq, command["type"]))
    s.setsockopt(zmq.LINGER, 0)
    for name, value in command.get("options", {}).items():
        s.setsockopt(getattr(zmq, name), value.encode() if isinstance(value, str) else value)
    for prefix in command.get("subscribe", []):
        s.setsockopt(zmq.SUBSCRIBE, bytes.fromhex(prefix))
    sockets[command["socket"]] = s
    if "bind" in command:
        s.bind(command["bind"])
        return {"address": s.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()}
    s.connect(command["connect"])
    return {}


def frames_of(command, index):
    """Frames of message `index`: given as hex, or made from sizes; a topic or an identity goes before."""
    before = [bytes.fromhex(each) for each in command.get("before", [])]
    if "frames" in command:
        return before + [bytes.fromhex(each) for each in command["frames"]]
    sizes = command["messages"][index]
    return before + [content(f"{command['seed']}/{index}/{part}", size) for part, size in enumerate(sizes)]


def send(command):
    s = sockets[command["socket"]]
    taken = 0
    count = 1 if "frames" in command else len(command["messages"])
    for index in range(count * command.get("times", 1)):
        if not s.poll(command.get("timeoutMs", 30_000), zmq.POLLOUT):
            break
        s.send_multipart(frames_of(command, index % count), copy=False)
        taken += 1
    return {"taken": taken}


def receive(command):
    """Up to `count` messages, as sizes and hashes; ones whose first frame is `ignore` are not counted."""
    s = sockets[command["socket"]]
    ignored = bytes.fromhex(command["ignore"]) if "ignore" in command else None
    deadline = time.monotonic() + command.get("timeoutMs", 30_000) / 1000
    messages = []
    while len(messages) < command["count"]:
        left = deadline - time.monotonic()
        if left <= 0 or not s.poll(left * 1000):
            break
        frames = s.recv_multipart()
        if frames[0] == ignored:
            continue
        messages.append([frame.hex() for frame in frames] if command.get("plain") else describe(frames))
    return {"messages": messages}


def echo(command):
    """Returns `count` messages to where they came from; for ROUTER, the identity frame does that."""
    s = sockets[command["socket"]]
    done = 0
    while done < command["count"]:
        if not s.poll(command.get("timeoutMs", 30_000)):
            break
        s.send_multipart(s.recv_multipart())
        done += 1
    return {"done": done}


def ask(command):
    """Sends each message when the last one's answer is here; the answers, as sizes and hashes."""
    s = sockets[command["socket"]]
    answers = []
    for index in range(len(command["messages"])):
        s.send_multipart(frames_of(command, index))
        if not s.poll(command.get("timeoutMs", 10_000)):
            break
        answers.append(describe(s.recv_multipart()))
    return {"messages": answers}


def subscribe(command):
    """SUB by option, XSUB by the message that means the same."""
    s = sockets[command["socket"]]
    prefix = bytes.fromhex(command["prefix"])
    if s.getsockopt(zmq.TYPE) == zmq.XSUB:
        s.send((b"\x01" if command["on"] else b"\x00") + prefix)
    else:
        s.setsockopt(zmq.SUBSCRIBE if command["on"] else zmq.UNSUBSCRIBE, prefix)
    return {}


def unbind(command):
    sockets[command["socket"]].unbind(command["address"])
    return {}


def close(command):
    sockets.pop(command["socket"]).close(command.get("lingerMs", 0))
    return {}


def zap(command):
    """Answers ZAP for all sockets of the context, in a thread of its own; each answer goes by username or key in hex."""
    handler = context.socket(zmq.ROUTER)
    handler.setsockopt(zmq.LINGER, 0)
    handler.bind("inproc://zeromq.zap.01")

    def answer():
        while True:
            try:
                frames = handler.recv_multipart()
            except zmq.ZMQError:
                return
            at = frames.index(b"") + 1
            version, request, domain, address, _identity, mechanism, *credentials = frames[at:]
            who = credentials[0].hex() if mechanism == b"CURVE" else (credentials[0].decode() if credentials else "")
            asked.append([domain.decode(), address.decode(), mechanism.decode(), who])
            status = command["answers"].get(who, command["answers"].get("*", "400"))
            handler.send_multipart(frames[:at] + [version, request, status.encode(), b"text", b"somebody", b""])

    threading.Thread(target=answer, daemon=True).start()
    return {}


def asked_of_zap(command):
    return {"asked": asked}


def monitor(command):
    """Begins to note the socket's events."""
    sockets[f"{command['socket']}.events"] = sockets[command["socket"]].get_monitor_socket(zmq.EVENT_ALL)
    return {}


def await_event(command):
    """Waits for one event by its name and says which came before it."""
    from zmq.utils.monitor import recv_monitor_message

    events = sockets[f"{command['socket']}.events"]
    wanted = getattr(zmq, f"EVENT_{command['event']}")
    deadline = time.monotonic() + command.get("timeoutMs", 30_000) / 1000
    before = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not events.poll(left * 1000):
            return {"came": False, "before": before}
        event = int(recv_monitor_message(events)["event"])
        if event == wanted:
            return {"came": True, "before": before}
        before.append(event)


roles = {
    "open": open_socket,
    "send": send,
    "receive": receive,
    "echo": echo,
    "ask": ask,
    "subscribe": subscribe,
    "unbind": unbind,
    "close": close,
    "zap": zap,
    "asked": asked_of_zap,
    "monitor": monitor,
    "awaitEvent": await_event,
}

print(json.dumps({"libzmq": zmq.zmq_version()}), flush=True)
for line in sys.stdin:
    command = json.loads(line)
    try:
        answer = roles[command["do"]](command)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps({"id": command["id"], **answer}), flush=True)
context.destroy(linger=0)
