/**
 * Keeps the roster of one endpoint: says of itself how it fares, takes in what those below say, passes both up, and, while
 * somebody here or below watches, has the host above tell of the whole tree. What one link is told is gathered per
 * interval; those who do not watch are told nothing.
 */
import type { Timer } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import { type EndpointId, endpointIdFromBytes } from "../../core/id.ts"
import { version } from "../../core/version.ts"
import type { ControlBody, RosterMessage, RosterShape } from "../../message/control.ts"
import { encodeTopic, TopicKind } from "../../message/topic.ts"
import type { PeerInfo } from "../api.ts"
import type { Link, Tell } from "../host/link.ts"
import type { Node } from "../node.ts"
import { idOf } from "../received-message.ts"
import { type Standing, standingFromMessage } from "./roster-entry.ts"
import { RosterOutbox } from "./roster-outbox.ts"
import { type Change, RosterTable, type Source } from "./roster-table.ts"
import { RosterView } from "./roster-view.ts"
import { idle, type Rates, TrafficMeter } from "./traffic.ts"

/** How long those below a relay that is gone may take to come by another way. */
const frozenMs = 5000
/** Who joins, leaves or moves is told within this part of an interval. */
const urgentPart = 10
/** An endpoint of which nothing has changed speaks after so many intervals. */
const refreshIntervals = 10

/** What grants for the roster are named after: `receive: ["~roster"]`. */
const rosterTopic = encodeTopic(TopicKind.Presence, "~roster")

/** What the keeper needs of the side that hosts. */
export interface RosterBelow {
  readonly clients: Iterable<Link>
  readonly tell: Tell
  readonly isVoter: () => boolean
  /** How the host sees that client. */
  observe(link: Link): PeerInfo
}

/** What it needs of the side that has a host. */
export interface RosterAbove {
  readonly hostId: EndpointId | undefined
  readonly linked: boolean
  tell(body: ControlBody): boolean
}

export interface RosterKeeperOptions {
  readonly node: Node
  readonly name: string
  /** Between two reports; 0: this endpoint says nothing, neither of itself nor of those below. */
  readonly everyMs: number
  readonly addresses: () => readonly string[]
  /** A voter may become root, and be it no more. */
  readonly isRoot: () => boolean
}

export class RosterKeeper {
  readonly #o: RosterKeeperOptions
  readonly #node: Node
  readonly #table: RosterTable
  readonly #meter: TrafficMeter
  readonly #fromSelf: Source = {}
  readonly #fromAbove: Source = {}
  #below: RosterBelow | undefined
  #above: RosterAbove | undefined
  readonly #up: RosterOutbox
  readonly #watchers = new Map<Link, RosterOutbox>()
  readonly #views = new Set<RosterView>()
  /** Who was told of in the census under way, by its source. */
  readonly #censuses = new Map<Source, Set<EndpointId>>()
  /** The host above has been asked to tell of the tree. */
  #isAsked = false
  /** It has told of everyone. */
  #isWhole = false
  #attach = 0
  #clock = 0
  #spokeAt = Number.NEGATIVE_INFINITY
  #loopLagMs = 0
  #ticker: Timer | undefined
  #urgent: Timer | undefined

  constructor(options: RosterKeeperOptions) {
    this.#o = options
    const { node } = options
    this.#node = node
    this.#meter = new TrafficMeter(node.traffic, node.clock.now())
    this.#table = new RosterTable(change => this.#changed(change), this.#fromAbove)
    this.#up = new RosterOutbox(this.#table, source => source !== this.#fromAbove)
    node.place.onMoved(() => this.#moved())
  }

  /** From now on, until it is closed. */
  start({ below, above }: { readonly below: RosterBelow | undefined; readonly above: RosterAbove | undefined }): void {
    this.#below = below
    this.#above = above
    if (this.#o.everyMs === 0) return
    this.#speak(this.#node.clock.now(), idle)
    this.#ticker = this.#node.clock.every(this.#o.everyMs, () => this.#tick())
  }

  close(): void {
    this.#ticker?.cancel()
    this.#urgent?.cancel()
    const closed = new ZincError("Closed", `endpoint "${this.#o.name}" was closed`)
    for (const view of [...this.#views]) {
      view.fail(closed)
      view.close()
    }
  }

  /** The event loop stood still for so long. */
  late(ms: number): void {
    if (ms > this.#loopLagMs) this.#loopLagMs = ms
  }

  // ---- for the user ----

  open(): RosterView {
    const { clock, logger } = this.#node
    const view: RosterView = new RosterView({
      table: this.#table,
      logger,
      now: () => clock.now(),
      soon: action => clock.soon(action),
      onClose: closed => {
        this.#views.delete(closed)
        this.#ask()
      },
    })
    this.#views.add(view)
    if (this.#o.isRoot() || this.#isWhole) view.complete()
    this.#ask()
    return view
  }

  // ---- below ----

  /** A client that was not here before; it will say more of itself. */
  joined(link: Link): void {
    if (this.#o.everyMs === 0 || this.#table.get(idOf(link.peer)) !== undefined) return
    this.#table.tell(
      {
        ...nothingSaid,
        id: idOf(link.peer),
        ...this.#seen(link),
        seenAt: this.#node.clock.now(),
      },
      link,
      true,
    )
  }

  /** What a client says of itself and, if it is a relay, of those below it. Throws `BadFrame`. */
  told(link: Link, message: RosterMessage): void {
    if (this.#o.everyMs === 0) return
    const own = idOf(link.peer)
    if (!link.relay && message.entries.some(({ endpointId }) => endpointIdFromBytes(endpointId) !== own))
      throw new ZincError("BadFrame", "a client that is no relay speaks of others")
    this.#take(link, message, standing => {
      if (standing.id === own) this.#table.tell({ ...standing, ...this.#seen(link) }, link, true)
      else if (standing.parent !== undefined) this.#table.tell(standing, link)
    })
  }

  /** A client wants to hear of the whole tree, or no longer. */
  watch(link: Link, isOn: boolean): void {
    if (!isOn) {
      this.#watchers.delete(link)
      this.#ask()
      return
    }
    const refused =
      this.#o.everyMs === 0
        ? "this host keeps no roster"
        : link.mayReceive(rosterTopic)
          ? undefined
          : 'its grants do not let this endpoint receive "~roster"'
    if (refused !== undefined) {
      this.#below?.tell(link, { case: "roster", value: { refused } })
      return
    }
    // Of its own subtree it knows already.
    this.#watchers.set(link, new RosterOutbox(this.#table, source => source !== link))
    this.#ask()
    this.#flushSoon()
  }

  /** A client's session is over; `isReplaced`: it is here again with another. */
  gone(link: Link, isReplaced: boolean): void {
    if (this.#watchers.delete(link)) this.#ask()
    this.#censuses.delete(link)
    if (!isReplaced) this.#table.depart(idOf(link.peer), link)
    this.#table.freeze([...this.#table.of(link)], link, this.#node.clock.now())
  }

  // ---- above ----

  /** The link to the host is new. */
  attached(): void {
    if (this.#o.everyMs === 0) return
    this.#attach++
    this.#isAsked = false
    this.#isWhole = false
    this.#speak(this.#node.clock.now(), idle)
    this.#up.reset()
    this.#ask()
    this.#flushSoon()
  }

  /** The path to the root is another; perhaps we are the root. */
  #moved(): void {
    if (this.#ticker === undefined || !this.#o.isRoot()) return
    const now = this.#node.clock.now()
    this.#isAsked = false
    for (const view of this.#views) view.complete()
    // They come by other ways, or are gone.
    this.#table.freeze([...this.#table.of(this.#fromAbove)], this.#fromAbove, now)
    this.#speak(now, idle)
    this.#flushSoon()
  }

  /** What the host tells of the tree. */
  toldFromAbove(message: RosterMessage): void {
    if (!this.#isAsked) return
    if (message.refused !== "") {
      const error = new ZincError("Unauthorized", `the host does not tell of the tree: ${message.refused}`)
      for (const view of this.#views) view.fail(error)
      this.#whole()
      return
    }
    this.#take(this.#fromAbove, message, standing => {
      if (standing.id !== this.#node.id) this.#table.tell(standing, this.#fromAbove)
    })
    if (message.last) this.#whole()
  }

  #whole(): void {
    if (this.#isWhole) return
    this.#isWhole = true
    for (const view of this.#views) view.complete()
    this.#flushSoon()
  }

  /** Has the host above tell of the tree for as long as somebody wants to know. */
  #ask(): void {
    const above = this.#above
    if (above === undefined || !above.linked) return
    const isWanted = this.#views.size + this.#watchers.size > 0
    if (isWanted === this.#isAsked || !above.tell({ case: "watch", value: { on: isWanted } })) return
    this.#isAsked = isWanted
    this.#isWhole = false
    if (!isWanted) this.#table.drop(this.#fromAbove)
  }

  // ---- both ----

  #take(source: Source, { entries, departed, first, last }: RosterMessage, take: (standing: Standing) => void): void {
    const now = this.#node.clock.now()
    if (first) this.#censuses.set(source, new Set())
    const census = this.#censuses.get(source)
    for (const entry of entries) {
      const standing = standingFromMessage(entry, now)
      census?.add(standing.id)
      take(standing)
    }
    for (const id of departed) if (id.length === 16) this.#table.depart(endpointIdFromBytes(id), source)
    if (!last || census === undefined) return
    this.#censuses.delete(source)
    const missing = [...this.#table.of(source)].filter(id => !census.has(id))
    this.#table.freeze(missing, source, now)
  }

  #changed(change: Change): void {
    const { id, before, after, source } = change
    if (source !== this.#fromAbove) this.#up.touch(id)
    for (const outbox of this.#watchers.values()) outbox.touch(id)
    for (const view of this.#views) view.changed(change)
    if (before?.parent !== after?.parent || before?.state !== after?.state || !before || !after) this.#urge()
  }

  #urge(): void {
    if (this.#ticker === undefined || this.#urgent !== undefined) return
    this.#urgent = this.#node.clock.after(Math.max(1, this.#o.everyMs / urgentPart), () => {
      this.#urgent = undefined
      const said = this.#table.get(this.#node.id)?.standing
      if (said !== undefined && said.clients !== this.#clients) this.#speak(this.#node.clock.now(), said.rates)
      this.#flush()
    })
  }

  #flushSoon(): void {
    this.#node.clock.soon(() => this.#flush())
  }

  #flush(): void {
    if (this.#ticker === undefined) return
    const now = this.#node.clock.now()
    const above = this.#above
    if (above?.linked) this.#up.flush(now, value => above.tell({ case: "roster", value }))
    // Whoever is told before we know of all would take a part for the whole.
    if (above?.linked && !this.#isWhole) return
    for (const [link, outbox] of this.#watchers) {
      if (link.control !== 0)
        outbox.flush(now, (value: RosterShape) => this.#below!.tell(link, { case: "roster", value }))
    }
  }

  /** What we know better than the client itself. */
  #seen(link: Link) {
    const { state, lagMs, roundTripMs, name } = this.#below!.observe(link)
    const role = link.relay ? ("relay" as const) : ("client" as const)
    return { name, role, parent: this.#node.id, state, queueLagMs: Math.round(lagMs ?? 0), roundTripMs }
  }

  #tick(): void {
    const now = this.#node.clock.now()
    this.#table.thaw(now - frozenMs)
    for (const link of this.#below?.clients ?? []) {
      const known = this.#table.get(idOf(link.peer))
      if (known?.source !== link) continue
      const seen = this.#seen(link)
      const { state, queueLagMs } = known.standing
      if (seen.state !== state || Math.abs(seen.queueLagMs - queueLagMs) > Math.max(lagStepMs, queueLagMs / 4))
        this.#table.tell({ ...known.standing, ...seen }, link, true)
    }
    const rates = this.#meter.read(now)
    if (this.#isNews(rates) || now - this.#spokeAt >= (refreshIntervals - 0.5) * this.#o.everyMs)
      this.#speak(now, rates)
    this.#ask()
    this.#flush()
  }

  /** Whether we are otherwise than we last said. */
  #isNews(rates: Rates): boolean {
    const said = this.#table.get(this.#node.id)?.standing
    if (said === undefined) return true
    const is = this.#standing(this.#node.clock.now(), rates)
    return (
      (Object.keys(rates) as (keyof Rates)[]).some(key => rates[key] !== said.rates[key]) ||
      is.clients !== said.clients ||
      is.epoch !== said.epoch ||
      is.role !== said.role ||
      is.isVoter !== said.isVoter ||
      is.parent !== said.parent ||
      Math.abs(is.loopLagMs - said.loopLagMs) > lagStepMs
    )
  }

  #speak(now: number, rates: Rates): void {
    this.#clock++
    this.#spokeAt = now
    this.#table.tell(this.#standing(now, rates), this.#fromSelf, true)
    this.#loopLagMs = 0
  }

  get #clients(): number {
    let clients = 0
    for (const link of this.#below?.clients ?? []) if (link.awaySince === undefined) clients++
    return clients
  }

  #standing(now: number, rates: Rates): Standing {
    const below = this.#below
    const isRoot = this.#o.isRoot()
    return {
      ...nothingSaid,
      id: this.#node.id,
      name: this.#o.name,
      role: isRoot ? "root" : below === undefined ? "client" : "relay",
      isVoter: below?.isVoter() ?? false,
      parent: isRoot ? undefined : this.#above?.hostId,
      addresses: below === undefined ? [] : this.#o.addresses(),
      epoch: this.#node.epoch,
      clients: this.#clients,
      rates,
      loopLagMs: Math.round(this.#loopLagMs),
      version,
      attach: this.#attach,
      clock: this.#clock,
      seenAt: now,
    }
  }
}

/** Lags that differ by less are told with the next news. */
const lagStepMs = 100

const nothingSaid = {
  isVoter: false,
  addresses: [],
  epoch: 0,
  clients: 0,
  rates: idle,
  loopLagMs: 0,
  version: "",
  state: "up" as const,
  queueLagMs: 0,
  roundTripMs: undefined,
  attach: 0,
  clock: 0,
}
