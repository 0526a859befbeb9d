/** The way to a host, one step after the other: the first that fails says what is wrong. */
import { lookup } from "node:dns/promises"
import { connect, type Socket } from "node:net"
import { messageOf } from "../../core/index.ts"
import type { Endpoint } from "../../index.ts"
import { parseAddress, parseTcp } from "../../transport/index.ts"
import { codeOf, printable } from "../output.ts"
import { type Finding, fail, ok, warn } from "./check.ts"

const connectMs = 4_000

export async function checkName(address: string): Promise<Finding> {
  const { scheme, rest } = parseAddress(address)
  if (scheme !== "tcp") return ok("no name to look up")
  const host = parseTcp(rest).host!
  try {
    const found = await lookup(host, { all: true })
    return ok(`${host} is ${found.map(each => each.address).join(", ")}`)
  } catch (error) {
    return fail(
      `${host} is not known (${(error as NodeJS.ErrnoException).code})`,
      "check the spelling, or use its IP address",
    )
  }
}

/** Connects without saying a word: who speaks ZMTP speaks first. */
export async function checkListening(address: string): Promise<Finding> {
  const socket = dial(address)
  const begun = performance.now()
  try {
    await once(socket, "connect")
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const advice: Readonly<Record<string, string>> = {
      ECONNREFUSED: "nobody listens there: start the host (zinc host), or check the port",
      ENOENT: "there is no such socket: start the host, or check the path",
      EACCES: "the socket may not be opened: check its permissions",
      ETIMEDOUT: "no answer at all: a firewall drops it, or the machine is off",
      EHOSTUNREACH: "no way to that machine: check the network",
      ENETUNREACH: "no way to that network: check the network",
    }
    return fail(`cannot connect (${code ?? messageOf(error)})`, advice[code ?? ""] ?? "check address and network")
  } finally {
    if (socket.connecting) socket.destroy()
  }
  const connectedMs = performance.now() - begun
  try {
    const signature = await firstOctets(socket)
    if (signature.length === 0)
      return warn(`connected in ${connectedMs.toFixed(1)} ms, but it says nothing`, "is it a ZeroMQ host?")
    if (signature[0] !== 0xff || (signature.length >= 10 && signature[9] !== 0x7f))
      return fail(
        `it does not speak ZeroMQ: it began with ${JSON.stringify(printable(Buffer.from(signature.subarray(0, 24)).toString("latin1")))}`,
        "another program has this port; check the address",
      )
    return ok(`connected in ${connectedMs.toFixed(1)} ms, it speaks ZMTP`)
  } finally {
    socket.destroy()
  }
}

function dial(address: string): Socket {
  const { scheme, rest } = parseAddress(address)
  if (scheme === "ipc") return connect({ path: rest })
  const { host, port } = parseTcp(rest)
  return connect({ host: host!, port })
}

function once(socket: Socket, event: "connect"): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" })), connectMs)
    const end = (finish: () => void) => {
      clearTimeout(timer)
      finish()
    }
    socket.once(event, () => end(resolve))
    socket.once("error", error => end(() => reject(error)))
  })
}

/** What comes within two seconds, at least ten octets if they do. */
function firstOctets(socket: Socket): Promise<Uint8Array> {
  return new Promise(resolve => {
    let octets = Buffer.alloc(0)
    const timer = setTimeout(() => resolve(octets), 2_000)
    const done = () => {
      clearTimeout(timer)
      resolve(octets)
    }
    socket.on("data", (data: Buffer) => {
      octets = Buffer.concat([octets, data])
      if (octets.length >= 10) done()
    })
    socket.on("end", done)
    socket.on("error", done)
  })
}

/** Why a join failed, with what to do about it. */
export function joinFailure(error: unknown, tokenGiven: boolean): Finding {
  const code = codeOf(error)
  const advice: Readonly<Record<string, string>> = {
    Unauthorized: tokenGiven
      ? "the host does not accept this token: ask its operator"
      : "the host wants a token: --token, or ZINC_TOKEN in the environment",
    VersionMismatch: "host and client speak different versions: install the same zincmq on both",
    Refused: "the host said why; --tree names the tree to join",
    Full: "the host has as many clients as it takes: host with a larger --max-clients",
    Timeout: "it did not answer in time: is it a Zinc host, and is it overloaded?",
    HandshakeFailed: "it speaks ZeroMQ but is no Zinc host, or wants another mechanism",
    Unreachable: "the connection was lost on the way: look at the host's own log",
  }
  return fail(`[${code}] ${messageOf(error)}`, advice[code] ?? "look at the host's own log")
}

/** Without heartbeats the link would be given up within the sample: a host is dead after three that are missing. */
/** Where voters choose the root, a part of the tree without a majority of them orders nothing. */
export function checkOrder(client: Endpoint): Finding {
  if (!client.isReadOnly) return ok("they take what is sent")
  return fail(
    "they refuse what is sent: this part of the tree reaches no majority of its voters",
    "start the voters that are missing, or see what cuts them off; zinc tree shows who is there",
  )
}

export async function checkHeartbeats(client: Endpoint, sampleMs = 1_500): Promise<Finding> {
  let lost = false
  const stop = client.on("left", () => {
    lost = true
  })
  await new Promise(resolve => setTimeout(resolve, sampleMs))
  stop()
  const host = client.peers.find(each => each.role === "host")
  if (lost || host === undefined)
    return fail(
      `the link was given up within ${sampleMs} ms`,
      "the host's event loop is busy, or the network drops packets",
    )
  if (host.state !== "up") return warn(`the link is ${host.state}`, "part of it was lost and is being dialled again")
  return ok(`the link stayed up for ${sampleMs} ms`)
}
