/** Whether endpoints can be opened here: each transport hosts and joins itself, over tcp and over ipc. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { messageOf, ZincError } from "../../core/index.ts"
import { Endpoint } from "../../index.ts"
import { openTransport, type TransportName } from "../transport-choice.ts"
import { type Finding, fail, ok, warn } from "./check.ts"

export async function checkTransportLoads(name: TransportName): Promise<Finding> {
  try {
    const { supports } = await openTransport(name)
    return ok(`serves ${supports.schemes.join(", ")}${supports.sharedPort ? "" : ", on three ports"}`)
  } catch (error) {
    if (name === "native")
      return warn(messageOf(error), "only needed for --transport native: npm install zeromq; zmtp needs nothing")
    return fail(messageOf(error), "the installation is broken: npm install zincmq again")
  }
}

/** How long a host and a client in this very process may take to find each other. */
const loopbackMs = 4_000

export async function checkLoopback(name: TransportName, scheme: "tcp" | "ipc"): Promise<Finding> {
  const folder = scheme === "ipc" ? await mkdtemp(join(tmpdir(), "zinc-doctor-")) : undefined
  const listen = folder === undefined ? "tcp://127.0.0.1:0" : `ipc://${join(folder, "host.sock")}`
  let host: Endpoint | undefined
  let client: Endpoint | undefined
  const advice =
    scheme === "tcp"
      ? "something on this machine forbids listening at or dialling 127.0.0.1: look at firewall and sandbox"
      : `sockets cannot be made in ${tmpdir()}: look at its permissions, or set TMPDIR`
  try {
    host = await Endpoint.host({ listen, transport: await openTransport(name), unguarded: true, name: "doctor-host" })
    const begun = performance.now()
    client = await Endpoint.join(host.addresses[0]!, {
      transport: await openTransport(name),
      joinTimeoutMs: loopbackMs,
      reconnect: false,
      name: "doctor",
    })
    const joinMs = performance.now() - begun
    const roundTripMs = await roundTrip(client)
    return ok(`joined in ${joinMs.toFixed(1)} ms, round trip ${roundTripMs.toFixed(2)} ms`)
  } catch (error) {
    return fail(messageOf(error), advice)
  } finally {
    await client?.close({ timeoutMs: 500 })
    await host?.close({ timeoutMs: 500 })
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
}

/** Median of a few. Any answer will do, also that nobody handles the topic. */
export async function roundTrip(client: Endpoint, many = 7): Promise<number> {
  const host = client.peers.find(each => each.role === "host")
  if (host === undefined) throw new ZincError("PeerLost", "the host was lost right after joining")
  const times: number[] = []
  for (let number = 0; number < many; number++) {
    const begun = performance.now()
    await client.request(host.id, "zinc.doctor", null, { deadlineMs: 3_000 }).catch((error: unknown) => {
      if (!ZincError.is(error) || error.code !== "NoHandler") throw error
    })
    times.push(performance.now() - begun)
  }
  return times.sort((a, b) => a - b)[Math.floor(many / 2)]!
}
