/** libzmq in a process of its own, driven by lines of JSON: python3-zmq or npm zeromq, in one language. */
import { type ChildProcess, spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** libzmq by python3-zmq or npm zeromq; or "ours", the drop-in door of dist/ in a process of its own. */
export type PeerKind = "python" | "npm" | "ours"

export interface Described {
  /** Every message as the sizes and hashes of its frames. */
  readonly messages: string[][]
}

const python = process.env["ZINC_TEST_PYTHON"]

const door = new URL("../../dist/zeromq/index.js", import.meta.url).href

/** The libzmq peers that can run here; scripts/test.mjs says loudly what is missing. */
export const peerKinds: readonly PeerKind[] = python === undefined ? ["npm"] : ["python", "npm"]

/** One command at a time: a call waits until the one before it is answered. */
export class PeerProcess {
  readonly kind: PeerKind
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>()
  #last = 0
  #complaint = ""

  private constructor(kind: PeerKind) {
    this.kind = kind
    const [command, script] = kind === "python" ? [python!, "./peer.py"] : [process.execPath, "./zeromq-peer.mjs"]
    this.#process = spawn(command, [fileURLToPath(new URL(script, import.meta.url))], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...(kind === "ours" && { ZINC_PEER_DOOR: door }) },
    })
    this.#process.stdin!.on("error", () => {})
    this.#process.stderr!.on("data", chunk => {
      this.#complaint = (this.#complaint + chunk).slice(-2000)
    })
    createInterface({ input: this.#process.stdout! }).on("line", line => {
      const { id, error, ...answer } = JSON.parse(line) as { id?: number; error?: string }
      const call = this.#waiting.get(id ?? 0)
      this.#waiting.delete(id ?? 0)
      if (error === undefined) call?.resolve(answer as never)
      else call?.reject(new Error(`${kind} peer: ${error}`))
    })
    this.#process.on("error", error => this.#fail(error))
    this.#process.on("close", status => this.#fail(new Error(`${kind} peer ended (${status}): ${this.#complaint}`)))
  }

  static async start(kind: PeerKind): Promise<PeerProcess> {
    const peer = new PeerProcess(kind)
    await new Promise<void>((resolve, reject) => peer.#waiting.set(0, { resolve, reject }))
    return peer
  }

  #fail(error: Error): void {
    for (const call of this.#waiting.values()) call.reject(error)
    this.#waiting.clear()
  }

  #call<T>(command: Record<string, unknown>): Promise<T> {
    const id = ++this.#last
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (answer: never) => void, reject })
      this.#process.stdin!.write(`${JSON.stringify({ id, ...command })}\n`)
    })
  }

  /** Opens a socket under a name; the answer has its address when bound. */
  async bind(socket: string, type: string, address: string, more: OpenOptions = {}): Promise<string> {
    const answer = await this.#call<{ address: string }>({ do: "open", socket, type, bind: address, ...more })
    return answer.address
  }
  async connect(socket: string, type: string, address: string, more: OpenOptions = {}): Promise<void> {
    await this.#call({ do: "open", socket, type, connect: address, ...more })
  }
  /** Sends messages made of a seed (`sizes`), or one of given frames in hex. How many the socket took. */
  async send(socket: string, what: Sent): Promise<number> {
    return (await this.#call<{ taken: number }>({ do: "send", socket, ...what })).taken
  }
  receive(socket: string, count: number, more: ReceiveOptions = {}): Promise<Described> {
    return this.#call({ do: "receive", socket, count, ...more })
  }
  async echo(socket: string, count: number): Promise<number> {
    return (await this.#call<{ done: number }>({ do: "echo", socket, count })).done
  }
  /** Sends each message when the last one's answer is here. The answers. */
  ask(socket: string, what: Sent): Promise<Described> {
    return this.#call({ do: "ask", socket, ...what })
  }
  async subscribe(socket: string, prefix: string, on = true): Promise<void> {
    await this.#call({ do: "subscribe", socket, prefix: Buffer.from(prefix).toString("hex"), on })
  }
  /** Answers ZAP for all sockets of the peer, by username or public key in hex; "*" for the rest. */
  async zap(answers: Readonly<Record<string, string>>): Promise<void> {
    await this.#call({ do: "zap", answers })
  }
  /** What ZAP was asked there so far: domain, address, mechanism, and who. */
  async asked(): Promise<string[][]> {
    return (await this.#call<{ asked: string[][] }>({ do: "asked" })).asked
  }
  async monitor(socket: string): Promise<void> {
    await this.#call({ do: "monitor", socket })
  }
  /** Waits for an event of libzmq's monitor, such as "DISCONNECTED". */
  awaitEvent(socket: string, event: string, timeoutMs = 30_000): Promise<{ came: boolean; before: number[] }> {
    return this.#call({ do: "awaitEvent", socket, event, timeoutMs })
  }
  async close(socket: string, lingerMs = 0): Promise<void> {
    await this.#call({ do: "close", socket, lingerMs })
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name)
  }
  /** Ends the process; resolves when it is gone. */
  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const gone = new Promise(resolve => this.#process.once("close", resolve))
    this.#process.kill(signal)
    await gone
  }
}

export interface OpenOptions {
  /** libzmq's option names without ZMQ_. */
  readonly options?: Readonly<Record<string, string | number | boolean>>
  /** In hex. */
  readonly subscribe?: readonly string[]
}
export type Sent = (
  | { readonly seed: string; readonly messages: readonly (readonly number[])[] }
  | { readonly frames: readonly string[] }
) & { readonly before?: readonly string[]; readonly times?: number; readonly timeoutMs?: number }

export interface ReceiveOptions {
  readonly timeoutMs?: number
  /** Messages with this first frame (hex) do not count. */
  readonly ignore?: string
  /** Frames in hex instead of sizes and hashes. */
  readonly plain?: boolean
}

/** The frames of message `index`, as both ends make them. */
export function framesOf(seed: string, sizes: readonly number[], index: number): Uint8Array[] {
  return sizes.map((size, part) =>
    Buffer.alloc(size, createHash("sha256").update(`${seed}/${index}/${part}:${size}`).digest()),
  )
}

/** Frames as sizes and hashes, as the peers say them. */
export function describeFrames(frames: readonly Uint8Array[]): string[] {
  return frames.map(frame => `${frame.length}:${createHash("sha256").update(frame).digest("hex").slice(0, 16)}`)
}
