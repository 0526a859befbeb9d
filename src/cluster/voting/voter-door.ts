/** Where other voters call when there is no endpoint: a router of its own that takes VOTER_HELLO and nothing else. */
import { ZincError } from "../../core/errors.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import type { Logger } from "../../core/logger.ts"
import type { Authenticator } from "../../endpoint/authenticator.ts"
import { VoterGate, type VoterReception } from "../../endpoint/host/voter-gate.ts"
import { decodeControl } from "../../message/control.ts"
import type { HostSockets, RouterSocket, Transport } from "../../transport/transport.ts"
import { voteBytesMax } from "./voter-dialler.ts"

export class VoterDoor {
  readonly #gate: VoterGate
  readonly #router: RouterSocket
  readonly #sockets: HostSockets
  readonly #transport: Transport
  readonly #logger: Logger
  readonly #remotes = new Map<number, string>()

  constructor(transport: Transport, logger: Logger, authenticator?: Authenticator) {
    this.#transport = transport
    this.#logger = logger
    this.#router = transport.router(
      {
        onBatch: batch => this.#onBatch(batch),
        onConnect: (connection, remote) => void this.#remotes.set(connection, remote),
        onDisconnect: connection => {
          this.#remotes.delete(connection)
          this.#gate.disconnected(connection)
        },
      },
      { maxMessageBytes: voteBytesMax, logger },
    )
    const nothing = () => {}
    this.#sockets = {
      router: this.#router,
      publisher: transport.publisher({ onSubscribe: nothing, onUnsubscribe: nothing }),
      puller: transport.puller({ onBatch: nothing }),
    }
    this.#gate = new VoterGate({
      router: this.#router,
      authenticator,
      logger,
      onFailed: (connection, thrown) => this.#cut(connection, thrown),
    })
  }

  /** The address that others dial. Rejects as `Transport.bind` does. */
  async bind(address: string): Promise<string> {
    return (await this.#transport.bind(address, this.#sockets)).control
  }

  /** Who hears those that call. */
  receive(reception: VoterReception): void {
    this.#gate.reception = reception
  }

  async close(): Promise<void> {
    const { router, publisher, puller } = this.#sockets
    this.#gate.end()
    await Promise.all([
      router.close({ lingerMs: 100 }),
      publisher.close({ lingerMs: 0 }),
      puller.close({ lingerMs: 0 }),
    ])
  }

  #onBatch(batch: FrameBatch): void {
    const { connection } = batch
    try {
      for (let i = 0; i < batch.count; i++) {
        const control = decodeControl(batch.frame(i, 0))
        if (control.body.case === "voterHello")
          this.#gate.hello(connection, this.#remotes.get(connection) ?? "", control.body.value)
        else if (this.#gate.has(connection)) this.#gate.received(connection, control)
        else throw new ZincError("BadFrame", "the first control message must be VOTER_HELLO")
      }
    } catch (thrown) {
      this.#cut(connection, thrown)
    }
  }

  #cut(connection: number, thrown: unknown): void {
    this.#logger.warn("a voter broke the protocol", { remote: this.#remotes.get(connection), thrown })
    this.#router.disconnect(connection)
    this.#gate.disconnected(connection)
  }
}
