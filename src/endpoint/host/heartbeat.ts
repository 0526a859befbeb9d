/**
 * A host's heartbeat (L9): with every beat each client is told how far things are, and one that has been silent for too
 * long, or away, is given up. What a client answers says how far it is itself.
 */
import type { Timer } from "../../core/clock.ts"
import type { HeartbeatReply } from "../../message/control.ts"
import type { Node } from "../node.ts"
import type { RosterKeeper } from "../roster/roster-keeper.ts"
import type { Acknowledgements } from "./acknowledgements.ts"
import type { EndLink, Link, Tell } from "./link.ts"
import type { LinkTable } from "./link-table.ts"
import type { Publication } from "./publication.ts"

export interface HeartbeatOptions {
  readonly node: Node
  readonly heartbeatMs: number
  readonly heartbeatMisses: number
  readonly sessionKeepMs: number
  readonly links: LinkTable
  readonly publication: Pick<Publication, "published" | "marked" | "mark" | "forgive">
  readonly acknowledgements: Pick<Acknowledgements, "askResend">
  readonly roster: Pick<RosterKeeper, "late">
  readonly tell: Tell
  readonly end: EndLink
  /** A beat begins. */
  readonly onTick: (now: number) => void
  /** That client has been told of this beat. */
  readonly onBeat: (link: Link, now: number) => void
  /** After a beat, unless it came so late that nobody's silence means anything. */
  readonly onBeaten: (now: number) => void
}

/** Heartbeats after which a direct message that they told of is taken to have come. */
const directDoubtBeats = 4
/** A joiner may be busy with itself between its JOIN and the first thing it says after: that long it is not judged. */
const unansweredMs = 3000

export class Heartbeat {
  readonly #o: HeartbeatOptions
  #ticker: Timer | undefined
  #tickedAt: number
  #loopLagMs = 0

  constructor(options: HeartbeatOptions) {
    this.#o = options
    this.#tickedAt = options.node.clock.now()
  }

  /** When the last beat was, by the clock. */
  get tickedAt(): number {
    return this.#tickedAt
  }
  /** How late the last beats were, in milliseconds. */
  get loopLagMs(): number {
    return this.#loopLagMs
  }

  start(): void {
    const { clock } = this.#o.node
    this.#tickedAt = clock.now()
    this.#o.onTick(this.#tickedAt)
    this.#ticker = clock.every(this.#o.heartbeatMs, () => this.#tick())
  }

  stop(): void {
    this.#ticker?.cancel()
  }

  /** A client said something. */
  heard(link: Link): void {
    link.heardAt = this.#o.node.clock.now()
    link.silent = false
    link.confirmed = true
  }

  answered(link: Link, { count, mark, legLast, room, loopLagMs, queueFill }: HeartbeatReply): void {
    const { node, publication, heartbeatMs, links, acknowledgements } = this.#o
    if (Number(count) === link.heartbeatCount) {
      link.roundTripMs = node.clock.now() - link.heartbeatAt
      // What was told so many heartbeats ago has come, or has been repaired.
      if (link.directTold.length > directDoubtBeats) link.directSure = link.directTold.shift()!
    }
    link.notices.confirm(Number(count))
    link.room?.answered(room, loopLagMs, queueFill)
    if (Number(mark) > link.mark && Number(mark) <= publication.marked) link.mark = Number(mark)
    // L7: silence after a lost tail. The client says how far it has sent; if we lack some, ask.
    if (Number(legLast) <= link.received || link.tailWatched) return
    const { received } = link
    link.tailWatched = true
    node.clock.after(heartbeatMs, () => {
      link.tailWatched = false
      if (link.received === received && links.has(link)) acknowledgements.askResend(link)
    })
  }

  #tick(): void {
    const { node, links, publication, heartbeatMs } = this.#o
    const now = node.clock.now()
    // L9: time in which our own loop stalled is nobody's silence; but who is silent in between is found out all the same.
    const late = now - this.#tickedAt - heartbeatMs
    const stalled = late > heartbeatMs
    this.#loopLagMs = Math.max(0, late, this.#loopLagMs / 2)
    this.#tickedAt = now
    this.#o.onTick(now)
    this.#o.roster.late(late)
    if (stalled) publication.forgive(late)
    publication.mark(now, this.#isSomebodyBehind())
    for (const link of [...links]) {
      if (stalled) forgive(link, late, now)
      if (this.#isAlive(link, now)) this.#beat(link, now)
    }
    if (!stalled) this.#o.onBeaten(now)
    node.resequencer.giveUpOlderThan(now - 2 * heartbeatMs)
  }

  /** Somebody has not reported the last mark: it may have been dropped, with all it speaks of. */
  #isSomebodyBehind(): boolean {
    const { links, publication } = this.#o
    for (const link of links) {
      if (link.awaySince === undefined && link.baselineAt !== undefined && link.mark < publication.marked) return true
    }
    return false
  }

  /** False for one that is away; ends one that is given up. */
  #isAlive(link: Link, now: number): boolean {
    const { heartbeatMs, heartbeatMisses, sessionKeepMs, end } = this.#o
    if (link.awaySince !== undefined) {
      if (now - link.awaySince >= sessionKeepMs) end(link, "PeerLost", "it did not come back in time")
      return false
    }
    const silence = now - link.heardAt
    link.silent = silence >= heartbeatMs * heartbeatMisses
    if (silence < sessionKeepMs && !(link.silent && silence >= unansweredMs && !link.confirmed)) return true
    end(link, "PeerLost", `nothing heard for ${Math.round(silence)} ms`)
    return false
  }

  #beat(link: Link, now: number): void {
    const { node, publication, tell } = this.#o
    link.heartbeatAt = now
    link.heartbeatCount++
    tell(link, {
      case: "heartbeat",
      value: {
        count: BigInt(link.heartbeatCount),
        published: BigInt(publication.published),
        epoch: node.epoch,
        direct: BigInt(link.directTopic.published),
        roundTripUs: microseconds(link.roundTripMs),
      },
    })
    link.directTold.push(link.directTopic.published)
    if (link.directTold.length > 2 * directDoubtBeats) link.directTold.shift()
    this.#o.onBeat(link, now)
  }
}

/** Our own loop stood still for that long: it is nobody's silence. */
function forgive(link: Link, late: number, now: number): void {
  link.heardAt = Math.min(now, link.heardAt + late)
  if (link.awaySince !== undefined) link.awaySince = Math.min(now, link.awaySince + late)
}

/** As a heartbeat says it: 0 for not known. */
function microseconds(ms: number | undefined): number {
  return ms === undefined ? 0 : Math.min(0xffff_ffff, Math.max(1, Math.round(ms * 1000)))
}
