// A libzmq peer through npm zeromq; or, with ZINC_PEER_DOOR, one of ours through the drop-in door. It obeys lines of JSON on standard input and answers each with one line. Commands and
// answers are those of peer.py; both are told by peer-process.ts.
import { createHash } from "node:crypto"
import { createInterface } from "node:readline"

const zmq = await import(process.env.ZINC_PEER_DOOR ?? "zeromq")

const types = {
  PUB: zmq.Publisher,
  SUB: zmq.Subscriber,
  XPUB: zmq.XPublisher,
  XSUB: zmq.XSubscriber,
  PUSH: zmq.Push,
  PULL: zmq.Pull,
  DEALER: zmq.Dealer,
  ROUTER: zmq.Router,
  REQ: zmq.Request,
  REP: zmq.Reply,
  PAIR: zmq.Pair,
  STREAM: zmq.Stream,
}

/** libzmq's option names → the properties of npm zeromq. */
const properties = {
  SNDHWM: "sendHighWaterMark",
  RCVHWM: "receiveHighWaterMark",
  HEARTBEAT_IVL: "heartbeatInterval",
  HEARTBEAT_TIMEOUT: "heartbeatTimeout",
  HEARTBEAT_TTL: "heartbeatTimeToLive",
  RECONNECT_IVL: "reconnectInterval",
  ROUTING_ID: "routingId",
  ROUTER_MANDATORY: "mandatory",
  PLAIN_SERVER: "plainServer",
  PLAIN_USERNAME: "plainUsername",
  PLAIN_PASSWORD: "plainPassword",
  CURVE_SERVER: "curveServer",
  CURVE_SERVERKEY: "curveServerKey",
  CURVE_PUBLICKEY: "curvePublicKey",
  CURVE_SECRETKEY: "curveSecretKey",
  ZAP_DOMAIN: "zapDomain",
}

/** libzmq's names of events → those of npm zeromq. */
const events = { DISCONNECTED: "disconnect", HANDSHAKE_SUCCEEDED: "handshake" }

const sockets = new Map()
/** By socket: the events that came and nobody has asked for, and who waits. */
const monitored = new Map()
/** What the handler of ZAP was asked: domain, address, mechanism, and who. */
const asked = []

function content(seed, size) {
  return Buffer.alloc(size, createHash("sha256").update(`${seed}:${size}`).digest())
}

function describe(frames) {
  return frames.map(frame => `${frame.length}:${createHash("sha256").update(frame).digest("hex").slice(0, 16)}`)
}

function framesOf(command, index) {
  const before = (command.before ?? []).map(hex => Buffer.from(hex, "hex"))
  if (command.frames) return [...before, ...command.frames.map(hex => Buffer.from(hex, "hex"))]
  const made = command.messages[index].map((size, part) => content(`${command.seed}/${index}/${part}`, size))
  return [...before, ...made]
}

/** What `receive` gives, or undefined when nothing came in time. */
async function receiveWithin(socket, milliseconds) {
  socket.receiveTimeout = Math.max(1, Math.round(milliseconds))
  try {
    return await socket.receive()
  } catch (error) {
    if (error.code === "EAGAIN") return undefined
    throw error
  }
}

const roles = {
  async open(command) {
    const socket = new types[command.type]({ linger: 0 })
    for (const [name, value] of Object.entries(command.options ?? {})) socket[properties[name]] = value
    for (const prefix of command.subscribe ?? []) socket.subscribe(Buffer.from(prefix, "hex"))
    sockets.set(command.socket, socket)
    if (command.bind) {
      await socket.bind(command.bind)
      return { address: socket.lastEndpoint }
    }
    socket.connect(command.connect)
    return {}
  },

  async send(command) {
    const socket = sockets.get(command.socket)
    socket.sendTimeout = command.timeoutMs ?? 30_000
    const count = command.frames ? 1 : command.messages.length
    let taken = 0
    for (let index = 0; index < count * (command.times ?? 1); index++) {
      try {
        await socket.send(framesOf(command, index % count))
      } catch (error) {
        if (error.code === "EAGAIN") break
        throw error
      }
      taken++
    }
    return { taken }
  },

  async receive(command) {
    const socket = sockets.get(command.socket)
    const deadline = Date.now() + (command.timeoutMs ?? 30_000)
    const messages = []
    while (messages.length < command.count && Date.now() < deadline) {
      const frames = await receiveWithin(socket, deadline - Date.now())
      if (frames === undefined) break
      if (frames[0].toString("hex") === command.ignore) continue
      messages.push(command.plain ? frames.map(frame => frame.toString("hex")) : describe(frames))
    }
    return { messages }
  },

  async echo(command) {
    const socket = sockets.get(command.socket)
    let done = 0
    while (done < command.count) {
      const frames = await receiveWithin(socket, command.timeoutMs ?? 30_000)
      if (frames === undefined) break
      await socket.send(frames)
      done++
    }
    return { done }
  },

  async ask(command) {
    const socket = sockets.get(command.socket)
    const messages = []
    for (let index = 0; index < command.messages.length; index++) {
      await socket.send(framesOf(command, index))
      const frames = await receiveWithin(socket, command.timeoutMs ?? 10_000)
      if (frames === undefined) break
      messages.push(describe(frames))
    }
    return { messages }
  },

  async subscribe(command) {
    const socket = sockets.get(command.socket)
    const prefix = Buffer.from(command.prefix, "hex")
    if (socket instanceof zmq.XSubscriber) await socket.send(Buffer.concat([Buffer.from([command.on ? 1 : 0]), prefix]))
    else if (command.on) socket.subscribe(prefix)
    else socket.unsubscribe(prefix)
    return {}
  },

  async unbind(command) {
    await sockets.get(command.socket).unbind(command.address)
    return {}
  },

  /** Binds a handler of ZAP for all sockets here. Each answer goes by the username, or the public key in hex. */
  async zap(command) {
    const handler = new zmq.Router({ linger: 0 })
    await handler.bind("inproc://zeromq.zap.01")
    sockets.set("zap", handler)
    asked.length = 0
    void (async () => {
      for await (const frames of handler) {
        const delimiter = frames.findIndex(frame => frame.length === 0)
        const [version, request, domain, address, , mechanism, ...credentials] = frames.slice(delimiter + 1)
        const who =
          mechanism.toString() === "CURVE" ? credentials[0].toString("hex") : (credentials[0]?.toString() ?? "")
        asked.push([domain, address, mechanism, who].map(String))
        const status = command.answers[who] ?? command.answers["*"] ?? "400"
        await handler.send([...frames.slice(0, delimiter + 1), version, request, status, "text", "somebody", ""])
      }
    })().catch(() => {})
    return {}
  },

  asked() {
    return { asked }
  },

  monitor(command) {
    const state = { came: [], look: () => {} }
    for (const type of Object.values(events)) {
      sockets.get(command.socket).events.on(type, () => {
        state.came.push(type)
        state.look()
      })
    }
    monitored.set(command.socket, state)
    return {}
  },
  async awaitEvent(command) {
    const state = monitored.get(command.socket)
    const wanted = events[command.event]
    const came = await new Promise(resolve => {
      const late = setTimeout(() => resolve(false), command.timeoutMs)
      state.look = () => {
        const at = state.came.indexOf(wanted)
        if (at < 0) return
        state.came.splice(0, at + 1)
        clearTimeout(late)
        resolve(true)
      }
      state.look()
    })
    state.look = () => {}
    return { came, before: [] }
  },

  close(command) {
    const socket = sockets.get(command.socket)
    sockets.delete(command.socket)
    socket.linger = command.lingerMs ?? 0
    socket.close()
    return {}
  },
}

console.log(JSON.stringify({ libzmq: zmq.version }))
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  let answer
  try {
    answer = await roles[command.do](command)
  } catch (error) {
    answer = { error: `${error.name}: ${error.message}` }
  }
  console.log(JSON.stringify({ id: command.id, ...answer }))
}
for (const socket of sockets.values()) socket.close()
process.exit(0)
