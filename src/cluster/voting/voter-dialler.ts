/** Dials a voter at all its addresses at once, and says hello where somebody answers. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import type { Clock } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import type { EndpointId } from "../../core/id.ts"
import { endpointIdToBytes } from "../../core/id.ts"
import type { Logger } from "../../core/logger.ts"
import { type Control, decodeControl, encodeControl, type VoterWelcome } from "../../message/control.ts"
import type { VoterHelloSchema } from "../../message/generated/control_pb.ts"
import type { DealerSocket, Transport } from "../../transport/transport.ts"
import { DialOutcome } from "../election/index.ts"
import type { VoterEntry, VoterId } from "../election/root-record.ts"
import { causeOfFailedDial, outcomeOfFailedDial } from "./dial-outcome.ts"
import type { LinkCarrier } from "./voter-link.ts"
import { placeFrom } from "./voter-place.ts"

/** From the dial to its end, and from the hello to the welcome. The election wants to know within a second. */
const dialMs = 800
/** Largest control message of a voter: a batch of the log, or a snapshot of where its streams stand. */
export const voteBytesMax: number = 2 * 1024 * 1024
/** What was said before a link is closed still goes out. */
const lingerMs = 200
/** What may wait for one voter; more is not sent, and asked for again. */
const waitingMax = { messages: 4096, bytes: 8 * 1024 * 1024 }

export interface DiallerOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly logger: Logger
  readonly hello: (to: VoterId | undefined) => MessageInitShape<typeof VoterHelloSchema>
  /** A voter that was dialled welcomes us. Returns who hears the rest. */
  readonly welcomed: (
    address: string,
    peer: VoterEntry,
    welcome: VoterWelcome,
    carrier: LinkCarrier,
  ) => { received(control: Control): void; lost(): void } | undefined
  /** Nobody could be spoken to there; `why` is for people. */
  readonly failed: (address: string, why: string) => void
  /** It does not want us. */
  readonly refused: (address: string, code: string, reason: string) => void
}

export class VoterDialler {
  readonly #o: DiallerOptions
  readonly #sockets = new Set<DealerSocket>()
  #ended = false

  constructor(options: DiallerOptions) {
    this.#o = options
  }

  /** Tells how the dials ended: open if one is, refused if all are. Links come by `welcomed`, later. */
  async dial(addresses: readonly string[], to: VoterId | undefined): Promise<DialOutcome> {
    if (addresses.length === 0) return DialOutcome.Failed
    const outcomes = await Promise.all(addresses.map(address => this.#dialOne(address, to)))
    if (outcomes.includes(DialOutcome.Open)) return DialOutcome.Open
    return outcomes.every(each => each === DialOutcome.Refused) ? DialOutcome.Refused : DialOutcome.Failed
  }

  /** Who welcomes us first at one of the addresses, and that link stays; undefined if nobody does in time. */
  find(addresses: readonly string[], to: VoterId): Promise<VoterEntry | undefined> {
    return new Promise(resolve => {
      let left = addresses.length
      if (left === 0) resolve(undefined)
      for (const address of addresses)
        void this.#dialOne(address, to, peer => {
          if (--left === 0 || peer !== undefined) resolve(peer)
        })
    })
  }

  end(): void {
    this.#ended = true
    for (const socket of this.#sockets) socket.abort()
    this.#sockets.clear()
  }

  /** `answered`: once, with who has welcomed us, or with nobody. */
  async #dialOne(
    address: string,
    to: VoterId | undefined,
    answered: (peer: VoterEntry | undefined) => void = () => {},
  ): Promise<DialOutcome> {
    const { transport, clock, logger } = this.#o
    if (this.#ended) {
      answered(undefined)
      return DialOutcome.Failed
    }
    const limit = new AbortController()
    const timer = clock.after(dialMs, () => limit.abort())
    let listener: { received(control: Control): void; lost(): void } | undefined
    let over = false
    const end = () => {
      if (over) return
      over = true
      this.#sockets.delete(socket)
      socket.abort()
      if (listener === undefined) answered(undefined)
      else listener.lost()
    }
    const onControl = (control: Control) => {
      if (over) return
      if (listener !== undefined) return listener.received(control)
      const { body } = control
      if (body.case === "voterWelcome") {
        welcome.cancel()
        const peer = placeFrom(body.value.from)
        listener = this.#o.welcomed(address, peer, body.value, {
          send: frames => !over && socket.send(frames),
          close: () => {
            if (over) return
            over = true
            this.#sockets.delete(socket)
            void socket.close({ lingerMs })
          },
        })
        if (listener === undefined) end()
        else answered(peer)
      } else {
        if (body.case === "refuse") this.#o.refused(address, body.value.code, body.value.reason)
        end()
      }
    }
    const socket = transport.dealer(
      {
        onBatch: batch => {
          try {
            for (let i = 0; i < batch.count && !over; i++) onControl(decodeControl(batch.frame(i, 0)))
          } catch (thrown) {
            logger.warn("a voter broke the protocol", { address, thrown })
            end()
          }
        },
        onDisconnect: () => end(),
      },
      { maxMessageBytes: voteBytesMax, sendLimits: waitingMax, handshakeTimeoutMs: dialMs, logger },
    )
    this.#sockets.add(socket)
    let welcome = { cancel: () => {} }
    try {
      await socket.connect(address, { signal: limit.signal })
    } catch (thrown) {
      this.#sockets.delete(socket)
      logger.debug("a voter cannot be dialled", { address, thrown })
      const why = limit.signal.aborted ? `nothing within ${dialMs} ms` : causeOfFailedDial(thrown)
      if (!this.#ended) this.#o.failed(address, `does not answer (${why})`)
      if (!over) answered(undefined)
      return ZincError.is(thrown) ? outcomeOfFailedDial(thrown) : DialOutcome.Failed
    } finally {
      timer.cancel()
    }
    if (this.#ended) {
      end()
      return DialOutcome.Failed
    }
    // It was taken, and lost at once.
    if (over) return DialOutcome.Open
    welcome = clock.after(dialMs, () => {
      if (over) return
      this.#o.failed(address, "takes connections, and says nothing")
      end()
    })
    socket.send([encodeControl({ case: "voterHello", value: this.#o.hello(to) })])
    return DialOutcome.Open
  }
}

export function octetsOfVoter(id: VoterId | undefined): Uint8Array {
  return id === undefined ? new Uint8Array(0) : endpointIdToBytes(id as EndpointId)
}
