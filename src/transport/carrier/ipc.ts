/**
 * Carries octets over Unix domain sockets: `ipc://path`, or `ipc://*` for a fresh path in the system's folder for
 * temporary files. Abstract names (`ipc://@name`) are refused: Node pads them to full length and libzmq does not, so
 * that the two would never meet.
 */
import { lstat, unlink } from "node:fs/promises"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { toHex } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import { type Random, systemRandom } from "../../core/random.ts"
import { badAddress, parseAddress } from "../address.ts"
import type { ByteStream, Carrier, CarrierListener, DialOptions, StreamTuning } from "../carrier.ts"
import { dialNode } from "./node-dial.ts"
import { listening, NodeListener } from "./node-listener.ts"
import { acceptReading } from "./node-read.ts"
import { NodeStream } from "./node-stream.ts"

/** Longest path in octets: the system's field (108 on Linux, 104 on macOS and the BSDs) less the closing zero. */
export const pathBytesMax: number = process.platform === "linux" ? 107 : 103

export class IpcCarrier implements Carrier {
  readonly schemes: readonly string[] = ["ipc"]
  readonly #random: Random
  #accepted = 0

  constructor(random: Random = systemRandom) {
    this.#random = random
  }

  /** A path that is left over from a process that died is taken over; one in use rejects with `AddressInUse`. */
  async listen(
    address: string,
    onStream: (stream: ByteStream) => void,
    tuning: StreamTuning = {},
  ): Promise<CarrierListener> {
    const wanted = read(address)
    const path = wanted === "*" ? join(tmpdir(), `zinc-${toHex(this.#random.bytes(8))}.sock`) : wanted
    const bound = `ipc://${path}`
    const how = { path, ...(tuning.backlog !== undefined && { backlog: tuning.backlog }) }
    const server = createServer()
    try {
      await listening(server, how, bound)
    } catch (thrown) {
      if (!(ZincError.is(thrown) && thrown.code === "AddressInUse" && (await isLeftOver(path)))) throw thrown
      await unlink(path).catch(() => {})
      await listening(server, how, bound)
    }
    if (tuning.background) server.unref()
    acceptReading(server, (socket, reading) => {
      if (tuning.background) socket.unref()
      onStream(new NodeStream(socket, `${bound}#${++this.#accepted}`, reading))
    })
    return new NodeListener(server, bound)
  }

  checkToDial(address: string): void {
    readToDial(address)
  }

  async dial(address: string, options: DialOptions): Promise<ByteStream> {
    return await dialNode({ path: readToDial(address) }, address, options.signal, options.tuning)
  }
}

function read(address: string): string {
  const { scheme, rest } = parseAddress(address)
  if (scheme !== "ipc") throw badAddress(address, "the ipc carrier serves ipc://")
  if (rest.startsWith("@")) throw badAddress(address, "abstract names do not work between Node and libzmq; use a path")
  if (rest.includes("\0")) throw badAddress(address, "a path has no zero in it")
  const bytes = Buffer.byteLength(rest)
  if (bytes > pathBytesMax) {
    throw badAddress(address, `this system allows paths of ${pathBytesMax} octets and this one has ${bytes}`)
  }
  return rest
}

function readToDial(address: string): string {
  const path = read(address)
  if (path === "*") throw badAddress(address, "to dial, name the path")
  return path
}

/** Whether the path is a socket that nobody answers at. */
async function isLeftOver(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined || !found.isSocket()) return false
  return await new Promise(resolve => {
    const probe = connect({ path })
    probe.once("connect", () => {
      probe.destroy()
      resolve(false)
    })
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"))
  })
}
