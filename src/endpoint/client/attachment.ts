/**
 * How an endpoint is attached to a host, from the first join to the end: dials and joins (L1), follows redirects, redials
 * a lost data leg under the same session (L9), comes back when the link is lost (L10). What is said on the link is not
 * its business: that goes to whoever it was made for.
 */
import type { Timer } from "../../core/clock.ts"
import { deferred } from "../../core/deferred.ts"
import { asZincError, ZincError } from "../../core/errors.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import { type Accept, type ControlBody, encodeControl } from "../../message/control.ts"
import type { Transport } from "../../transport/transport.ts"
import type { Node } from "../node.ts"
import { plainStep, type Step, withPatience } from "./candidates.ts"
import { redialDataLeg } from "./data-leg-redial.ts"
import { Flaps } from "./flaps.ts"
import { HostBusy, isFinal, joinFailure, Redirected, tooLate } from "./join-outcome.ts"
import type { JoinWay } from "./join-way.ts"
import { type DataLeg, Legs } from "./legs.ts"
import { Move } from "./move.ts"
import { NearestHost } from "./nearest-host.ts"
import { PlaceSearch } from "./place-search.ts"

export type LinkState = "joining" | "up" | "degraded" | "down" | "closed"

export interface Reconnect {
  readonly minMs: number
  readonly maxMs: number
}

export interface AttachmentOptions {
  readonly node: Pick<Node, "clock" | "random" | "logger">
  /** A move leaves the present host at once (rule T1 left out). Default false. */
  readonly hasty?: boolean
  readonly transport: Transport
  readonly addresses: readonly string[]
  /** Undefined: do not come back. */
  readonly reconnect: Reconnect | undefined
  readonly joinTimeoutMs: number
  readonly maxPayloadBytes: number
  /** With what short-lived links to that address are counted together (L10): the address, or one word for all. */
  readonly flapsOf: (address: string) => string
  /** Whom to ask after a loss, best first. */
  readonly candidates: (loss: Loss) => readonly Step[]
  /** What to say to the host at that address, on that way. */
  readonly join: (address: string, way: JoinWay) => ControlBody
  /** The host has taken us. A throw ends the attempt. */
  readonly onAccepted: (accept: Accept, legs: Legs) => void
  /** Both data legs stand; the link is up when its `baseline` resolves. */
  readonly onDialled: (legs: Legs) => void
  /** Asks for the baseline again. */
  readonly onAgain: (legs: Legs) => void
  readonly onUp: (legs: Legs) => void
  readonly onControl: (legs: Legs, batch: FrameBatch) => void
  readonly onPublished: (batch: FrameBatch) => void
  /** Published by the host that is being left. */
  readonly onPublishedByFormer: (batch: FrameBatch) => void
  /** Another host has taken us, and is our host from now on; the former still delivers. A throw leaves all as it was. */
  readonly onSwitched: (accept: Accept, legs: Legs, reason: string) => void
  /** Resolves when what the new host has passed on has come, or has had its time. */
  readonly caughtUp: () => Promise<void>
  readonly onDrain: () => void
  /** A data leg is lost while the link is up, and is dialled again; or is there again. */
  readonly onLegLost: (leg: DataLeg) => void
  readonly onLegBack: (leg: DataLeg, legs: Legs) => void
  /** The link is lost; an attempt to come back follows, or one of the two below. */
  readonly onLost: (error: ZincError) => void
  /** The host is lost, and the first attempt to come back failed; or there is none. */
  readonly onDown: (error: ZincError) => void
  /** It is over for good. */
  readonly onEnded: (error: ZincError) => void
}

/** How a link was lost. */
export interface Loss {
  /** Where the host was dialled. */
  readonly address: string
  /** It does not answer, though nothing says that its connection is gone. */
  readonly isSilent: boolean
}

/** How long a joiner that reached nobody where it was sent waits before it asks again, more or less. */
const strandedMs = 500
/** Turns a joiner waits for at hosts that are busy before the first join fails. */
const turnsMax = 20
/** Hosts that a first join may lose while it is under way before it fails. */
const lostMax = 5
/** How long a link outlives the host's LEAVE, for what was published before it. */
const leaveMs = 1000
const resyncAfterMs = 1000
/** The longest wait that a host may ask for. */
const retryAfterMaxMs = 600_000

export class Attachment {
  readonly #o: AttachmentOptions
  #state: LinkState = "joining"
  #legs: Legs | undefined
  #leaving: { readonly legs: Legs; readonly after: number; readonly error: ZincError } | undefined
  #redial: Timer | undefined
  #wake: (() => void) | undefined
  readonly #nearest: NearestHost
  readonly #move: Move
  /** Ends the attempts to reach whom we were told to seek. */
  #seeking: AbortController | undefined
  /** Whom to seek, where that is not what it was made with. */
  #sought: { readonly addresses: readonly string[]; readonly reconnect: Reconnect } | undefined
  #attempts = 0
  #upAt = 0
  readonly #flaps = new Flaps()

  constructor(options: AttachmentOptions) {
    this.#o = options
    const { clock, random } = options.node
    const newLegs = (address: string) => this.#newLegs(address)
    this.#nearest = new NearestHost({ clock, random, newLegs })
    this.#move = new Move({
      clock,
      hasty: options.hasty === true,
      joinTimeoutMs: options.joinTimeoutMs,
      newLegs,
      sayJoin: (legs, way) => this.#sayJoin(legs, way),
      present: () => (this.linked && this.#leaving === undefined ? this.#legs : undefined),
      isPresent: legs => this.#legs === legs,
      take: (accept, legs, reason) => this.#take(accept, legs, reason),
      settled: legs => this.#settled(legs),
      onUp: legs => this.#onUp(legs),
      caughtUp: options.caughtUp,
      onLost: error => this.lost(error),
    })
  }

  get state(): LinkState {
    return this.#state
  }
  get linked(): boolean {
    return this.#state === "up" || this.#state === "degraded"
  }
  /** Those of the present link, or of the attempt under way. */
  get legs(): Legs | undefined {
    return this.#legs
  }

  /** Sends by the control leg; false when there is none, or no room. */
  control(body: ControlBody, after = 0): boolean {
    return this.#legs?.dealer.send([encodeControl(body, after)]) ?? false
  }

  // ---- joining ----

  /** The first join; rejects when no address leads to a host that takes us. While hosts are only busy it waits its turn, and one lost on the way is tried again. */
  async join(signal: AbortSignal | undefined): Promise<void> {
    const { reconnect } = this.#o
    let failures: ZincError[] = []
    let lost = 0
    for (let turn = 0; turn < turnsMax; turn++) {
      let turnMs: number | undefined
      failures = []
      for (const address of this.#o.addresses) {
        try {
          await this.#attempt(address, signal)
          return
        } catch (thrown) {
          const failure = asZincError(thrown)
          failures.push(failure)
          if (thrown instanceof HostBusy) turnMs = Math.min(turnMs ?? Number.POSITIVE_INFINITY, thrown.turnMs)
          // It was there, and gave up on us, or is gone.
          else if (failure.code === "PeerLost" && reconnect !== undefined && lost++ < lostMax)
            turnMs = this.#backOff(reconnect, lost)
          if (isFinal(failure) || signal?.aborted) break
        }
      }
      if (turnMs === undefined || signal?.aborted || this.#isClosed()) break
      await this.#wait(turnMs, signal)
    }
    this.#state = "closed"
    throw joinFailure(failures)
  }

  /** Goes where it is sent until a host takes it; rejects when none does. */
  async #attempt(first: string, signal: AbortSignal | undefined, step?: Step): Promise<void> {
    const { random } = this.#o.node
    for (let stranded = 0; ; stranded++) {
      const search = new PlaceSearch(first)
      if (await this.#follow(search, signal, step)) return
      // Whoever finds no place where it was sent tries once more: those may have been busy, or full. Then it asks to stay.
      if (stranded > 0) {
        try {
          await this.#attemptAt(this.#newLegs(first), { redirects: search.hops, settle: true, step }, signal)
        } catch (thrown) {
          if (!(thrown instanceof Redirected)) throw thrown
          throw new ZincError("Unreachable", `sent on from ${first} again and again, without finding a place`, {
            retryable: true,
          })
        }
        return
      }
      await this.#wait(strandedMs * (0.5 + random.float()), signal)
      if (signal?.aborted || this.#isClosed()) throw new ZincError("Aborted", "the join was aborted")
    }
  }

  /** False when it was sent on, and could reach nobody there, or was only ever sent on. Rejects when nobody takes it. */
  async #follow(search: PlaceSearch, signal: AbortSignal | undefined, step: Step | undefined): Promise<boolean> {
    let nearest: Legs | undefined
    let failure: unknown
    let busy: unknown
    for (let address = search.next(); address !== undefined; address = search.next()) {
      try {
        const legs = nearest ?? this.#newLegs(address)
        nearest = undefined
        await this.#attemptAt(legs, { redirects: search.hops, settle: false, step }, signal)
        return true
      } catch (thrown) {
        if (thrown instanceof Redirected) {
          search.sentOn(thrown.candidates)
          nearest = await this.#nearest.next(search, signal)
          if (signal?.aborted || this.#isClosed()) {
            nearest?.drop()
            throw new ZincError("Aborted", "the join was aborted")
          }
          continue
        }
        failure = thrown
        if (thrown instanceof HostBusy) busy = thrown
        if (search.hops === 0 || isFinal(thrown) || signal?.aborted || this.#isClosed()) throw thrown
        search.failed(ZincError.is(thrown) && ["Refused", "Full"].includes(thrown.code))
      }
    }
    // Who is only ever sent on has come at a time when everybody knows of room that is taken by now.
    if (search.isStranded || failure === undefined) return false
    throw busy ?? failure
  }

  async #attemptAt(legs: Legs, way: JoinWay, signal: AbortSignal | undefined): Promise<void> {
    const { node } = this.#o
    const joinTimeoutMs = Math.min(this.#o.joinTimeoutMs, way.step?.timeoutMs ?? Number.POSITIVE_INFINITY)
    const { abort, address } = legs
    const onAbort = () => abort.abort(signal?.reason)
    let timedOut = false
    const timer = node.clock.after(joinTimeoutMs, () => {
      timedOut = true
      const late = tooLate(`no answer to the join at ${address}`, joinTimeoutMs)
      abort.abort(late)
      legs.reject(late)
    })
    abort.signal.addEventListener("abort", () => {
      legs.reject(new ZincError("Aborted", "the join was aborted", { cause: abort.signal.reason }))
    })
    if (signal?.aborted) onAbort()
    else signal?.addEventListener("abort", onAbort, { once: true })
    this.#legs = legs
    try {
      await legs.connect()
      this.#sayJoin(legs, way)
      const accept = await legs.accepted.promise
      if (legs.lost !== undefined) throw legs.lost
      this.#o.onAccepted(accept, legs)
      legs.accept = accept
      await Promise.all([legs.dial("subscriber"), legs.dial("pusher")])
      if (legs.lost !== undefined) throw legs.lost
      this.#o.onDialled(legs)
      await this.#settled(legs)
      if (legs.lost !== undefined) throw legs.lost
      this.#state = "up"
      this.#attempts = 0
      this.#onUp(legs)
    } catch (thrown) {
      this.#drop(legs)
      if (legs.lost !== undefined) throw legs.lost
      if (timedOut && !isFinal(thrown)) {
        throw tooLate(`the join at ${address} did not complete`, joinTimeoutMs, thrown)
      }
      throw thrown
    } finally {
      timer.cancel()
      signal?.removeEventListener("abort", onAbort)
    }
  }

  #sayJoin(legs: Legs, way: JoinWay): void {
    legs.dealer.send([encodeControl(this.#o.join(legs.address, way))])
  }

  /** The baseline is asked for again until it comes. */
  async #settled(legs: Legs): Promise<void> {
    const again = this.#o.node.clock.every(resyncAfterMs, () => this.#legs === legs && this.#o.onAgain(legs))
    try {
      await legs.baseline.promise
    } finally {
      again.cancel()
    }
  }

  #onUp(legs: Legs): void {
    this.#upAt = this.#o.node.clock.now()
    this.#o.onUp(legs)
  }

  #newLegs(address: string): Legs {
    const { transport, node, maxPayloadBytes } = this.#o
    return new Legs(address, {
      transport,
      logger: node.logger,
      maxPayloadBytes,
      onControl: (legs, batch) => {
        if (this.#legs === legs || this.#move.isNext(legs)) this.#o.onControl(legs, batch)
        else if (this.#nearest.isProbing(legs)) legs.heardEarly(batch)
      },
      onPublished: (legs, batch) => {
        if (this.#legs === legs) this.#o.onPublished(batch)
        else if (this.#move.isFormer(legs)) this.#o.onPublishedByFormer(batch)
      },
      onDrain: () => this.#o.onDrain(),
      onControlLost: (legs, error) => {
        if (this.#nearest.isProbing(legs) || this.#move.isNext(legs))
          legs.fail(error ?? new Error("the connection was closed"))
        else this.#onControlLost(legs, error)
      },
      onDataLost: (legs, leg, error) => {
        if (this.#move.isNext(legs)) legs.fail(error ?? new Error(`its ${leg} leg was lost`))
        else this.#onDataLost(legs, leg, error)
      },
    })
  }

  // ---- moving (T1) ----

  /** That link is being made while another delivers. */
  isNext(legs: Legs): boolean {
    return this.#move.isNext(legs)
  }

  /** Make before break; rejects when that host does not take us, and then nothing has changed. */
  move(step: Step, reason: string): Promise<void> {
    return this.#move.to(step, reason)
  }

  #take(accept: Accept, legs: Legs, reason: string): void {
    const former = this.#legs
    this.#legs = legs
    try {
      this.#o.onSwitched(accept, legs, reason)
    } catch (thrown) {
      this.#legs = former
      throw thrown
    }
    this.#state = "up"
    this.#o.onDialled(legs)
    this.#o.onDrain()
  }

  // ---- what the host decides about the link ----

  /** It has other places for us, the best first; none: it knows of none. */
  redirected(legs: Legs, candidates: readonly string[], retryAfterMs: number): void {
    if (candidates.length > 0) legs.fail(new Redirected(candidates))
    else {
      legs.fail(
        new ZincError("Refused", `${legs.address} has no place and knows of none`, { retryable: true, retryAfterMs }),
      )
    }
  }

  /** Too many join there at once: our turn is after that time. */
  busy(legs: Legs, reason: string, turnMs: number): void {
    legs.fail(new HostBusy(`${legs.address} is busy: ${reason}`, Math.min(turnMs, retryAfterMaxMs)))
  }

  /** It ends the link; what it published up to `after` may still be on its way, and `through` is how much has come. */
  left(legs: Legs, after: number, through: number, error: ZincError): void {
    if (!this.linked) {
      legs.fail(error)
      return
    }
    if (legs.subscriber === undefined || through >= after) {
      this.lost(error)
      return
    }
    this.#leaving = { legs, after, error }
    this.#o.node.clock.after(leaveMs, () => {
      if (this.#leaving?.legs === legs) this.lost(error)
    })
  }

  /** All it published up to that number has come: a host that is leaving is let go. */
  arrived(through: number): void {
    if (this.#leaving !== undefined && through >= this.#leaving.after) this.lost(this.#leaving.error)
  }

  // ---- losing the host ----

  #onControlLost(legs: Legs, error: Error | undefined): void {
    if (this.#legs !== legs) return
    const lost = new ZincError(
      "PeerLost",
      `the connection to ${legs.address} was lost${error === undefined ? "" : `: ${error.message}`}`,
      {
        retryable: true,
        ...(error === undefined ? {} : { cause: error }),
      },
    )
    if (!this.linked) legs.fail(lost)
    // A host that has said goodbye closes its sockets one after the other.
    else if (this.#leaving?.legs !== legs) this.lost(lost)
  }

  /** L9: one data leg lost is a degraded link; it is redialled for a while under the same session. */
  #onDataLost(legs: Legs, leg: DataLeg, error: Error | undefined): void {
    if (this.#legs !== legs || legs.accept === undefined) return
    if (!this.linked) {
      legs.fail(
        new ZincError("PeerLost", `the ${leg} leg to ${legs.address} was lost while joining`, {
          retryable: true,
          cause: error,
        }),
      )
      return
    }
    if (this.#leaving?.legs === legs) {
      if (leg === "subscriber") this.lost(this.#leaving.error)
      return
    }
    this.#state = "degraded"
    this.#o.onLegLost(leg)
    const { clock, random } = this.#o.node
    redialDataLeg({
      clock,
      random,
      dial: () => legs.dial(leg),
      isWanted: () => this.#legs === legs && this.linked,
      onBack: () => {
        this.#state = "up"
        this.#o.onLegBack(leg, legs)
      },
      onGivenUp: thrown => this.lost(asZincError(thrown)),
    })
  }

  /** The link is lost: comes back, if it shall. `isSilent`: the host does not answer. */
  lost(error: ZincError, isSilent = false): void {
    if (this.#state === "closed") return
    const loss = { address: this.#legs?.address ?? this.#o.addresses[0]!, isSilent }
    this.#o.onLost(error)
    this.#state = "down"
    this.#leaving = undefined
    this.#move.end(error)
    const legs = this.#legs
    if (legs !== undefined) this.#drop(legs)
    legs?.reject(error)
    const { node } = this.#o
    const reconnect = this.#sought?.reconnect ?? this.#o.reconnect
    if (reconnect === undefined) {
      this.die(error)
      return
    }
    // L9: one redial at once, and only then is the host said to be lost.
    const again = this.#flaps.ended(this.#o.flapsOf(loss.address), node.clock.now() - this.#upAt) - 2
    const wait = again < 0 ? node.random.below(50) : this.#backOff(reconnect, again)
    this.#redial = node.clock.after(wait, () => {
      void this.#comeBack(reconnect, error, loss)
    })
  }

  /** Ends for good, whatever the link's state. */
  die(error: ZincError): void {
    this.#state = "down"
    if (this.#legs !== undefined) this.#drop(this.#legs)
    this.#o.onDown(error)
    this.#o.onEnded(error)
  }

  /** Asks one after the other, and after each round waits for longer. */
  async #comeBack(reconnect: Reconnect, lost: ZincError, loss: Loss): Promise<void> {
    const signal = this.#seeking?.signal
    const isOver = () => this.#isClosed() || (signal?.aborted ?? false)
    let told = false
    const tell = () => {
      if (!told) this.#o.onDown(lost)
      told = true
    }
    let slowRounds = 0
    for (let isFirst = true; ; isFirst = false) {
      let isSlow = false
      let retryAfterMs = 0
      let isBusy = false
      let final: ZincError | undefined
      let isHopeless = true
      for (const planned of this.#sought?.addresses.map(plainStep) ?? this.#o.candidates(loss)) {
        const step = withPatience(planned, slowRounds)
        // A round that follows a wait of its own needs none between those it asks.
        if (isFirst && step.waitMs > 0) await this.#wait(step.waitMs, signal)
        if (isOver()) return
        const { address } = step
        try {
          await this.#attempt(address, signal, step)
          return
        } catch (thrown) {
          if (isOver()) return
          const error = asZincError(thrown)
          this.#o.node.logger.debug("could not come back", { address, code: error.code, reason: error.message })
          tell()
          // Who was told whom to seek may yet be told otherwise.
          if (isFinal(error) && this.#sought === undefined) final ??= error
          else {
            isHopeless = false
            retryAfterMs = Math.max(retryAfterMs, Math.min(error.retryAfterMs ?? 0, retryAfterMaxMs))
          }
          if (thrown instanceof HostBusy) isBusy = true
          if (error.code === "Timeout") isSlow = true
        }
      }
      if (isOver()) return
      if (isSlow) slowRounds++
      tell()
      // Only when all say so: another than our host may sit at an address that it had.
      if (final !== undefined && isHopeless) {
        this.#o.onEnded(final)
        return
      }
      // A busy host has given us a turn: that is no failure to back off from.
      await this.#wait(isBusy ? retryAfterMs : retryAfterMs + this.#backOff(reconnect, this.#attempts++), signal)
    }
  }

  async #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = deferred<void>()
    const wake = () => resolve()
    this.#wake = wake
    this.#redial = this.#o.node.clock.after(ms, wake)
    signal?.addEventListener("abort", wake, { once: true })
    await promise
    signal?.removeEventListener("abort", wake)
    this.#redial?.cancel()
  }

  #isClosed(): boolean {
    return this.#state === "closed"
  }

  /** L10: full jitter, doubling; what the host asks for is the least. */
  #backOff(reconnect: Reconnect, before: number): number {
    const ceiling = Math.min(reconnect.maxMs, reconnect.minMs * 2 ** Math.min(16, before))
    return this.#o.node.random.float() * ceiling
  }

  #drop(legs: Legs): void {
    if (this.#legs === legs) this.#legs = undefined
    legs.drop()
  }

  // ---- where the host is decided elsewhere: in a tree with voters ----

  /** Lets go of the host, if there is one, and of attempts to find it. */
  rest(error: ZincError): void {
    if (this.#state === "closed") return
    this.#seeking?.abort()
    this.#redial?.cancel()
    this.#leaving = undefined
    this.#move.end(error)
    const legs = this.#legs
    const wasLinked = this.linked
    this.#state = "down"
    if (wasLinked) this.#o.onLost(error)
    if (legs !== undefined) {
      legs.fail(error)
      this.#drop(legs)
    }
    if (wasLinked) this.#o.onDown(error)
  }

  /** The host at one of these addresses is above, and stays. */
  isAt(addresses: readonly string[]): boolean {
    return this.linked && this.#leaving === undefined && addresses.includes(this.#legs?.address ?? "")
  }

  /** Seeks the host at these addresses from now on, at once and after each loss. `stays`: the present link is kept while it lasts. */
  seek(addresses: readonly string[], reconnect: Reconnect, stays: boolean): void {
    if (this.#state === "closed") return
    this.#sought = { addresses, reconnect }
    if (stays) return
    this.#attempts = 0
    this.#flaps.clear()
    this.rest(new ZincError("PeerLost", "another host is above from now on", { retryable: true }))
    this.#seeking = new AbortController()
    void this.#comeBack(reconnect, new ZincError("PeerLost", "the host is not reached", { retryable: true }), {
      address: addresses[0]!,
      isSilent: false,
    })
  }

  // ---- ending ----

  /** Nothing is dialled any more. The legs, if there are any, are the caller's to close. */
  stop(): Legs | undefined {
    const legs = this.#legs
    this.#nearest.end(new Error("the endpoint closed"))
    this.#move.end(new Error("the endpoint closed"))
    this.#state = "closed"
    this.#redial?.cancel()
    this.#wake?.()
    this.#legs = undefined
    return legs
  }
}
