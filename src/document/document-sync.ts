/**
 * Keeps one replica equal to those of everybody else (DESIGN D2–D4). One per document and endpoint, over a
 * `DocumentPort`; it does no I/O of its own.
 *
 *     follow ─ baseline ─ exchange ────────────────┐   then fragments, both ways, as they are made
 *                         │  our version →         │
 *                         │  ← theirs, and what we lack (inline, or in pieces that we pull)
 *                         │  what they lack →      │   (as a fragment for all, or in pieces that we push)
 *                         └── again after a rejoin, a gap, something premature, or a notice that differs
 *
 * Fragments that arrive during an exchange wait for its end. What is edited meanwhile, or offline, stays pending in the
 * replica, which gathers it into one fragment when it may go. The root asks nobody; it tells what it has by a notice once a
 * document falls quiet, so that a difference that nobody noticed is found and repaired.
 */
import { equalBytes } from "../core/bytes.ts"
import { sleep } from "../core/clock.ts"
import { type ErrorCode, messageOf, ZincError } from "../core/errors.ts"
import { Events } from "../core/events.ts"
import type { DocumentPort, Follow, LinkChange, ReceivedFragment } from "../endpoint/document-port.ts"
import { TopicKind } from "../message/topic.ts"
import type { DocumentEvent, DocumentState } from "./document-handle.ts"
import { FrameKind, fragmentBytesMax, fragmentFrame } from "./document-message.ts"
import type { Applied, ChangeSource, DocumentType, Replica } from "./document-type.ts"
import { FramesUnderWay } from "./frames-under-way.ts"
import { HeldFragments } from "./held-fragments.ts"
import { HostQuestions } from "./host-questions.ts"
import { Notices } from "./notices.ts"
import { Progress, unlessAborted } from "./progress.ts"
import { SizeLimit } from "./size-limit.ts"
import { Offers } from "./transfer.ts"

/** An exchange that failed is tried again after a wait drawn from [0, min(max, min × 2ⁿ)). */
const retryMinMs = 50
const retryMaxMs = 5_000
export interface DocumentSyncOptions {
  readonly port: DocumentPort
  readonly name: string
  readonly type: DocumentType
  /** From storage. */
  readonly state?: Uint8Array
  readonly maxDocumentBytes: number
}

export interface DocumentSyncStatistics {
  readonly framesSent: number
  readonly fragmentsApplied: number
  readonly fragmentsRefused: number
  readonly premature: number
  readonly exchanges: number
  readonly encodings: number
}

export class DocumentSync {
  readonly name: string
  readonly type: DocumentType
  readonly replica: Replica
  readonly events: Events<DocumentEvent>
  readonly offers: Offers
  readonly #port: DocumentPort
  readonly #options: DocumentSyncOptions
  readonly #emptyVersion: Uint8Array
  readonly #notices: Notices
  readonly #host: HostQuestions
  readonly #follow: Follow
  readonly #stops: (() => void)[] = []
  #state: DocumentState = "synchronizing"
  #refusal: ZincError | undefined
  readonly #progress = new Progress()

  /** Rises whenever the link is lost or made: what was under way on the old one is stale. */
  #link = 0
  #linkEnd = new AbortController()
  /** Nothing is published from the loss of a link until an exchange on the next one. */
  #ready: boolean
  /** A baseline that no exchange has followed yet: it may come a moment before the link is said to be up. */
  #baseline = false
  #exchanging = false
  /** A push is under way or was cut short: what it holds is pending nowhere else. */
  #pushing = false
  #again = false
  readonly #held = new HeldFragments()

  #flushSoon = false
  readonly #underWay: FramesUnderWay
  #waitsForRoom = false
  /** The host lacks something of ours, which may not leave while the outbound channel is closed. */
  #owes = false
  readonly #size: SizeLimit
  #hadPremature = false

  readonly #count = { framesSent: 0, fragmentsApplied: 0, fragmentsRefused: 0, premature: 0, exchanges: 0 }

  constructor(options: DocumentSyncOptions) {
    const { port, name, type } = options
    this.#options = options
    this.#port = port
    this.name = name
    this.type = type
    this.events = new Events<DocumentEvent>(port.logger)
    const open = (state: Uint8Array | undefined) =>
      type.open(state, { random: port.random, clock: port.clock, logger: port.logger })
    const empty = open(undefined)
    this.#emptyVersion = empty.version()
    if (options.state === undefined) this.replica = empty
    else {
      empty.close()
      this.replica = open(options.state)
    }
    this.#size = new SizeLimit(
      options.state?.length ?? 0,
      options.maxDocumentBytes,
      () => this.replica.state().length,
      bytes => this.#tooLarge(bytes),
    )
    this.offers = new Offers(this.replica, port.clock, this.#emptyVersion)
    this.#host = new HostQuestions({ port, name, type: type.name, maxDocumentBytes: options.maxDocumentBytes })
    this.#underWay = new FramesUnderWay(port, () => this.#flush())
    this.#notices = new Notices({
      port,
      replica: this.replica,
      publish: frame => this.#publish(frame),
      awaitRoom: () => this.#awaitRoom(),
      exchange: () => this.#exchangeSoon(),
      busy: urgent => {
        this.#again ||= this.#exchanging && urgent
        return this.#exchanging || !this.#ready
      },
    })
    this.#stops.push(this.replica.onChange(source => this.#onChange(source)))
    this.#stops.push(port.onLink(change => this.#onLink(change)))
    this.#ready = port.isRoot
    if (port.isRoot) this.#setState("synchronized")
    else if (!port.linked) this.#setState("offline")
    this.#follow = port.follow(TopicKind.Document, name, {
      onFragments: fragments => this.#onFragments(fragments),
      onBaseline: () => this.#onBaseline(),
      onGap: () => this.#onGap(),
      onRefused: reason => this.#refused("Refused", reason),
    })
  }

  get state(): DocumentState {
    return this.#state
  }
  get statistics(): DocumentSyncStatistics {
    return { ...this.#count, encodings: this.offers.encodings }
  }
  /** The document is past its limit: nothing more is taken in. */
  get full(): boolean {
    return this.#size.full
  }
  /** Whether there is no content, and never was. */
  get holdsNothing(): boolean {
    return equalBytes(this.replica.version(), this.#emptyVersion)
  }
  /** When nothing more is to be handed on. */
  get settled(): boolean {
    return !this.replica.pending && !this.#pushing && !this.#owes
  }

  /** Resolves when an exchange has ended, at once at the root. Rejects when the host refuses, or with `Aborted`. */
  async synchronized(signal?: AbortSignal): Promise<void> {
    while (this.#state !== "synchronized") await this.#step(signal)
  }

  /** Resolves when all local changes so far are published and rooted, over as many links as that takes. */
  async rooted(signal?: AbortSignal): Promise<void> {
    for (;;) {
      if (this.#refusal !== undefined) throw this.#refusal
      this.#flush()
      while (!this.#ready || !this.settled) await this.#step(signal)
      const link = this.#link
      try {
        await unlessAborted(this.#port.rooted(), signal)
        if (link === this.#link) return
      } catch (thrown) {
        if (signal?.aborted || this.#state === "closed") throw thrown
        // The frames were lost with their link. The exchange on the next one sends what the host then lacks.
        if (link === this.#link) await this.#step(signal)
      }
    }
  }

  /** Resolves when nothing is pending; how it travels from there is the endpoint's concern. */
  async flushed(signal?: AbortSignal): Promise<void> {
    this.#flush()
    while (!this.settled) await this.#step(signal)
  }

  /** Takes in what came on the topic before this followed it. */
  take(fragments: readonly ReceivedFragment[]): void {
    this.#onFragments(fragments)
  }

  /** Takes in what came by another way than the topic, such as a push, and passes it on to all who follow. */
  takeIn(fragment: Uint8Array): Applied {
    const before = this.#size.full
    const applied = this.#apply([fragment])
    if (applied.changed && !before) this.#passOn(fragment)
    return applied
  }

  close(): void {
    if (this.#state === "closed") return
    this.#follow.close()
    for (const stop of this.#stops) stop()
    this.#notices.close()
    this.#endLink()
    this.offers.close()
    this.replica.close()
    this.#setState("closed")
  }

  // ---- local changes ----

  #onChange(source: ChangeSource): void {
    this.#notices.changed()
    if (this.events.has("change")) this.events.emit({ type: "change", source })
    if (source === "local" && !this.#flushSoon) {
      this.#flushSoon = true
      this.#port.clock.soon(this.#flushTick)
    }
  }

  readonly #flushTick = (): void => {
    this.#flushSoon = false
    this.#flush()
  }

  /** All that is pending as one frame, if it may go. */
  #flush(): void {
    if (!this.#ready || this.#waitsForRoom || this.#state === "closed" || this.#refusal !== undefined) return
    if (this.#underWay.full) return
    const fragment = this.#gather()
    if (fragment === undefined) return
    if (!this.#port.outbound) {
      this.#awaitRoom()
      return
    }
    if (fragment.length > fragmentBytesMax) {
      if (this.#port.isRoot) {
        // Followers pull it; each lacks the same, which is encoded once.
        this.offers.forget()
        if (!this.#publish(this.#notices.frame({ urgent: true }))) return
        this.replica.settle()
        this.#progress.step()
      } else {
        this.#ready = false
        this.#exchangeSoon()
      }
      return
    }
    if (!this.#publish(fragmentFrame(fragment))) return
    this.replica.settle()
    this.offers.extend([fragment])
    this.#progress.step()
    if (!this.#port.isRoot) this.#underWay.sent()
  }

  /** A value that cannot be written stays in the document: nothing of it can be handed on any more. */
  #gather(): Uint8Array | undefined {
    try {
      return this.replica.gather()
    } catch (thrown) {
      this.#stop(
        new ZincError(
          "BadPayload",
          `document "${this.name}" holds a value that cannot be written: ${messageOf(thrown)}`,
          { cause: thrown },
        ),
      )
      return undefined
    }
  }

  /** `forOthers`: it passes on what others wrote, which our own outbound channel does not hold back. */
  #publish(frame: Uint8Array, forOthers = false): boolean {
    if (this.#port.publish(TopicKind.Document, this.name, frame, forOthers)) {
      this.#count.framesSent++
      return true
    }
    this.#awaitRoom()
    return false
  }

  /** Goes on when there is room, or when the user opens the outbound channel. */
  #awaitRoom(): void {
    if (this.#waitsForRoom) return
    this.#waitsForRoom = true
    this.#port.onRoom(() => {
      this.#waitsForRoom = false
      if (this.#owes) this.#exchangeSoon()
      this.#notices.watchQuiet()
      this.#progress.step()
      this.#flush()
    })
  }

  // ---- fragments of others ----

  #onFragments(fragments: readonly ReceivedFragment[]): void {
    if (this.#state === "closed") return
    const arrived: Uint8Array[] = []
    for (const { payload, origin } of fragments) {
      if (payload[0] === FrameKind.Fragment) arrived.push(payload.subarray(1))
      else if (payload[0] !== FrameKind.Notice || !this.#notices.take(payload, origin)) this.#count.fragmentsRefused++
    }
    if (arrived.length === 0 || this.#refusal !== undefined) return
    // Without a host above nothing will be exchanged soon: what those below write is taken as it comes (R6).
    if (!this.#port.isRoot && this.#port.linked && (this.#exchanging || !this.#ready)) {
      if (!this.#held.hold(arrived)) this.#again = true
      return
    }
    const applied = this.#apply(arrived)
    if (applied.refused > 0 || applied.premature) this.#mend(fragments, applied)
  }

  #apply(fragments: readonly Uint8Array[]): Applied {
    if (this.#size.full) return { changed: false, premature: false, refused: 0 }
    const applied = this.replica.apply(fragments)
    this.#count.fragmentsApplied += fragments.length - applied.refused
    this.#count.fragmentsRefused += applied.refused
    if (applied.premature) this.#count.premature++
    if (applied.changed) {
      // What was held back before may have come in with this, and is not among these fragments.
      if (applied.premature || this.#hadPremature) this.offers.forget()
      else this.offers.extend(fragments)
      this.#size.add(fragments)
    }
    this.#hadPremature = applied.premature
    return applied
  }

  #tooLarge(bytes: number): void {
    this.#port.logger.error(`document "${this.name}" is over its limit and takes nothing more`, {
      bytes,
      maxDocumentBytes: this.#options.maxDocumentBytes,
    })
  }

  /** Something could not be applied, or not yet: its sender, or our host, has what is missing. */
  #mend(fragments: readonly ReceivedFragment[], applied: Applied): void {
    if (applied.refused > 0) {
      const origins = [...new Set(fragments.map(fragment => fragment.origin))]
      this.#port.logger.warn(`fragments of document "${this.name}" are not what they should be`, { origins })
    }
    if (!this.#port.isRoot) {
      this.#exchangeSoon()
      return
    }
    const origin = fragments[0]?.origin
    this.#notices.callForMissing(fragments.every(fragment => fragment.origin === origin) ? origin : undefined)
  }

  #onGap(): void {
    if (this.#port.isRoot) this.#notices.callForMissing(undefined)
    else this.#exchangeSoon()
  }

  // ---- the link ----

  #onLink(change: LinkChange): void {
    if (change === "root") this.#reign()
    if (change === "regenerated") this.#exchangeSoon()
    if (change === "up" && this.#baseline) this.#exchangeSoon()
    if (change !== "down") return
    this.#baseline = false
    this.#endLink()
    this.#ready = this.#port.isRoot
    this.#held.letGo()
    if (!this.#port.isRoot && this.#refusal === undefined) this.#setState("offline")
    this.#progress.step()
  }

  /** Nobody is above any more: what is here is the document, and whoever has something else brings it. */
  #reign(): void {
    this.#baseline = false
    this.#endLink()
    this.#ready = true
    this.#owes = this.#pushing = false
    const held = this.#held.take()
    if (this.#refusal !== undefined || this.#state === "closed") return
    if (held.length > 0) this.#apply(held)
    this.#setState("synchronized")
    this.#progress.step()
    this.#flush()
    this.#notices.callForMissing(undefined)
  }

  #endLink(): void {
    this.#link++
    this.#underWay.forget()
    this.#linkEnd.abort()
    this.#linkEnd = new AbortController()
  }

  #onBaseline(): void {
    if (this.#port.isRoot) return
    this.#ready = false
    this.#baseline = true
    // A link may have been lost and made again without a word; what was asked on the old one may never be answered.
    if (this.#exchanging) this.#endLink()
    this.#exchangeSoon()
  }

  // ---- the exchange ----

  #exchangeSoon(): void {
    if (this.#port.isRoot || this.#state === "closed" || this.#refusal !== undefined) return
    if (this.#exchanging) {
      this.#again = true
      return
    }
    this.#exchanging = true
    void this.#exchangeUntilDone()
  }

  async #exchangeUntilDone(): Promise<void> {
    const { clock, random, logger } = this.#port
    for (let failures = 0; ; ) {
      if (this.#state === "closed" || this.#refusal !== undefined) break
      if (!this.#port.linked) {
        this.#ready = this.#port.isRoot
        break
      }
      this.#setState("synchronizing")
      this.#baseline = false
      const link = this.#link
      const signal = this.#linkEnd.signal
      this.#again = false
      let wait = 0
      try {
        wait = await this.#exchange(link, signal)
        if (wait === 0) failures = 0
      } catch (thrown) {
        if (link === this.#link && this.#port.linked) {
          logger.warn(`an exchange over document "${this.name}" failed and is tried again`, {
            reason: messageOf(thrown),
          })
          wait = Math.ceil(random.float() * Math.min(retryMaxMs, retryMinMs * 2 ** failures++))
          this.#again = true
        }
      }
      if (link !== this.#link) {
        // The baseline of the next link may have come while we were still about the old one.
        if (this.#again && this.#port.linked) continue
        break
      }
      if (wait > 0) await sleep(clock, wait, signal).catch(() => {})
      else if (!this.#again) break
    }
    this.#exchanging = false
    if (this.#ready && this.#state === "synchronizing") {
      this.#setState("synchronized")
      this.events.emit({ type: "synchronized" })
    }
    this.#progress.step()
    this.#flush()
    this.#applyHeld()
  }

  /** One exchange, both ways. Returns how long to wait before another, 0 when this one served. */
  async #exchange(link: number, signal: AbortSignal): Promise<number> {
    this.#count.exchanges++
    const ours = this.replica.version()
    const empty = equalBytes(ours, this.#emptyVersion)
    const reply = await this.#host.sync(ours, signal)
    if (link !== this.#link) return 0
    if (reply.refusal !== undefined) {
      const { code, reason, retryAfterMs } = reply.refusal
      if (retryAfterMs > 0) {
        this.#again = true
        return retryAfterMs * (0.5 + this.#port.random.float())
      }
      this.#refused(code as ErrorCode, reason)
      return 0
    }
    const lacking = reply.transfer === undefined ? [reply.fragment] : await this.#host.pull(reply.transfer, signal)
    if (link !== this.#link) return 0
    const arrived = lacking.filter(fragment => fragment.length > 0).concat(this.#held.take())
    if (arrived.length > 0 && this.#apply(arrived).premature) {
      // The host had no more than this; either it is about to, or nobody has it.
      this.replica.dropPremature()
      this.#again = true
    }
    // A replica that held nothing has nothing to give but what was edited meanwhile, and that is pending.
    if (!empty) await this.#giveWhatLacks(reply.version, link, signal)
    if (link === this.#link) this.#ready = true
    return 0
  }

  #applyHeld(): void {
    if (this.#held.none || this.#exchanging || !this.#ready || this.#state === "closed") return
    if (this.#apply(this.#held.take()).premature) this.#exchangeSoon()
  }

  /** As a fragment that all who follow get; or, when that is too large for one frame, in pieces for the host to pass on. */
  async #giveWhatLacks(version: Uint8Array, link: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const lacking = this.replica.diff(version)
      this.#owes = lacking !== undefined && !this.#port.outbound
      if (this.#owes) {
        this.#pushing = false
        // What others write goes on coming; the exchange at the opening gives ours.
        this.#awaitRoom()
        return
      }
      if (lacking !== undefined && lacking.length > fragmentBytesMax) {
        // What is edited while it travels is pending again.
        this.replica.settle()
        this.#pushing = true
        const refusal = await this.#host.push(lacking, signal)
        if (refusal !== undefined) this.#refused(refusal.code, refusal.reason)
        this.#pushing = false
        return
      }
      if (lacking === undefined || this.#publish(fragmentFrame(lacking))) {
        this.#pushing = false
        this.replica.settle()
        if (lacking !== undefined) this.offers.extend([lacking])
        return
      }
      await this.#step(signal)
      if (link !== this.#link) return
    }
  }

  /** At a host: a fragment that came by push, to all who follow. */
  #passOn(fragment: Uint8Array): void {
    if (fragment.length <= fragmentBytesMax) {
      if (this.#publish(fragmentFrame(fragment), true)) return
    }
    // Too large, or no room: whoever lacks it pulls it.
    this.#publish(this.#notices.frame({ urgent: true }), true)
  }

  // ---- state ----

  #refused(code: ErrorCode, reason: string): void {
    if (this.#refusal !== undefined || this.#state === "closed") return
    this.#stop(new ZincError(code, `the host refuses document "${this.name}": ${reason}`), reason)
  }

  #stop(refusal: ZincError, reason: string = refusal.message): void {
    this.#refusal = refusal
    this.#port.logger.error(refusal.message)
    this.#held.letGo()
    this.#setState("refused")
    this.events.emit({ type: "refused", code: refusal.code, reason })
    this.#progress.step()
  }

  #setState(state: DocumentState): void {
    if (state === this.#state) return
    this.#state = state
    this.events.emit({ type: "state", state })
    this.#progress.step()
  }

  /** The next step forward. Rejects when there will be none, or when the signal aborts. */
  async #step(signal?: AbortSignal): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal
    if (this.#state === "closed") throw new ZincError("Closed", `document "${this.name}" is closed; open it again`)
    await this.#progress.next(signal)
  }
}
