import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "vitest"
import { systemClock } from "../../src/core/clock.ts"
import { transportSuite } from "../../src/testing/suites/transport-suite.ts"
import { WebSocketCarrier } from "../../src/transport/carrier/websocket.ts"
import { IpcCarrier, MemoryCarrier, TcpCarrier, ZmtpTransport } from "../../src/transport/zmtp/index.ts"
import { curveClient, curveServer, makeKeyPair } from "../../src/zmtp/index.ts"

let names = 0
const mutePath = () => join(tmpdir(), `zinc-mute-${process.pid}-${++names}.sock`)

transportSuite({
  runner: { describe, it },
  name: "zmtp over tcp",
  hostSupports: new ZmtpTransport().supports,
  open: () => {
    const mute = createServer()
    return {
      host: new ZmtpTransport({ carriers: [new TcpCarrier()] }),
      client: new ZmtpTransport({ carriers: [new TcpCarrier()] }),
      address: () => "tcp://127.0.0.1:0",
      unreachable: "tcp://127.0.0.1:1",
      bad: ["sim://hub:1", "tcp://", "tcp://host", "tcp://host:70000", "tcp://::1:5", "hub"],
      mute: () =>
        new Promise(resolve => {
          mute.listen(0, "127.0.0.1", () => resolve(`tcp://127.0.0.1:${(mute.address() as { port: number }).port}`))
        }),
      close: async () => void mute.close(),
    }
  },
})

transportSuite({
  runner: { describe, it },
  name: "zmtp over ipc",
  hostSupports: new ZmtpTransport().supports,
  open: () => {
    const mute = createServer()
    return {
      host: new ZmtpTransport({ carriers: [new IpcCarrier()] }),
      client: new ZmtpTransport({ carriers: [new IpcCarrier()] }),
      address: () => "ipc://*",
      unreachable: "ipc:///nowhere/at.all",
      bad: ["tcp://127.0.0.1:1", "ipc://", "ipc://@abstract", `ipc:///tmp/${"x".repeat(120)}`],
      mute: () =>
        new Promise(resolve => {
          const path = mutePath()
          mute.listen(path, () => resolve(`ipc://${path}`))
        }),
      close: async () => void mute.close(),
    }
  },
})

transportSuite({
  runner: { describe, it },
  name: "zmtp over ws",
  hostSupports: new ZmtpTransport().supports,
  open: () => {
    const mute = createServer()
    const carriers = [new WebSocketCarrier()]
    return {
      host: new ZmtpTransport({ carriers }),
      client: new ZmtpTransport({ carriers: [new WebSocketCarrier()] }),
      address: () => "ws://127.0.0.1:0",
      unreachable: "ws://127.0.0.1:1",
      bad: ["tcp://127.0.0.1:1", "ws://", "ws://host:70000", "ws://::1:5", "ws://host:1/a b", "hub"],
      mute: () =>
        new Promise(resolve => {
          mute.listen(0, "127.0.0.1", () => resolve(`ws://127.0.0.1:${(mute.address() as { port: number }).port}`))
        }),
      close: async () => void mute.close(),
    }
  },
})

transportSuite({
  runner: { describe, it },
  name: "zmtp with CURVE over tcp",
  hostSupports: new ZmtpTransport().supports,
  open: () => {
    const mute = createServer()
    const server = makeKeyPair()
    const security = {
      listen: curveServer({ secretKey: server.secretKey }),
      dial: curveClient({ serverKey: server.publicKey }),
    }
    return {
      host: new ZmtpTransport({ carriers: [new TcpCarrier()], security }),
      client: new ZmtpTransport({ carriers: [new TcpCarrier()], security }),
      address: () => "tcp://127.0.0.1:0",
      unreachable: "tcp://127.0.0.1:1",
      bad: ["sim://hub:1", "tcp://", "tcp://host", "tcp://host:70000", "tcp://::1:5", "hub"],
      mute: () =>
        new Promise(resolve => {
          mute.listen(0, "127.0.0.1", () => resolve(`tcp://127.0.0.1:${(mute.address() as { port: number }).port}`))
        }),
      close: async () => void mute.close(),
    }
  },
})

transportSuite({
  runner: { describe, it },
  name: "zmtp over memory",
  hostSupports: new ZmtpTransport().supports,
  open: () => {
    const memory = new MemoryCarrier(systemClock)
    return {
      host: new ZmtpTransport({ carriers: [memory] }),
      client: new ZmtpTransport({ carriers: [memory] }),
      address: () => `inproc://suite-${++names}`,
      unreachable: "inproc://nowhere",
      bad: ["tcp://127.0.0.1:1", "inproc://", "hub"],
      mute: async () => {
        await memory.listen("inproc://mute", () => {})
        return "inproc://mute"
      },
    }
  },
})
