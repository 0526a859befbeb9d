/**
 * The links between voters (R1): whom we dial, who called here, and which connection a vote goes by. The voter with the
 * lower id dials; the other does too when it waits in vain, so that one who came back elsewhere is found. Two links to one
 * voter, one dialled from each end, do no harm: the newest is used.
 */

import { equalBytes } from "../../core/bytes.ts"
import { type Clock, sleep, type Timer } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import { endpointIdFromBytes } from "../../core/id.ts"
import type { Logger } from "../../core/logger.ts"
import type { Random } from "../../core/random.ts"
import type { VoterCaller, VoterConnection, VoterReception } from "../../endpoint/host/voter-gate.ts"
import {
  type Control,
  encodeControl,
  type VoterHello,
  type VoterJoin,
  type VoterJoinReply,
} from "../../message/control.ts"
import type { Transport } from "../../transport/transport.ts"
import { DialOutcome, decodeVoterFrame, encodeVoterFrame, type VoterFrame, type VoterLinks } from "../election/index.ts"
import {
  entryOf,
  type GenerationId,
  isVoter,
  type RootRecord,
  type VoterEntry,
  type VoterId,
} from "../election/root-record.ts"
import { readRecord, writeRecord } from "../election/wire.ts"
import { SaidOnce } from "./said-once.ts"
import { VoterContact } from "./voter-contact.ts"
import { octetsOfVoter, VoterDialler } from "./voter-dialler.ts"
import { type LinkCarrier, VoterLink } from "./voter-link.ts"
import { placeFrom, placeTo, sameAddresses } from "./voter-place.ts"

/** How often it is looked who is to be dialled. */
const lookMs = 100
/** Links to one voter that were opened from the same end: only the newest stays. */
const perEnd = 1
/** A copied folder that calls again so soon is not told of again. */
const doubleAgainMs = 1000
/** A redial that has failed is repeated for so long. */
const redialAgainMs = 400

export interface VoterPeersOptions {
  readonly tree: string
  readonly self: VoterEntry
  /** Where other voters are expected. */
  readonly seeds: readonly string[]
  readonly token: Uint8Array
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly generation: () => GenerationId | undefined
  readonly record: () => RootRecord | undefined
  readonly onFrame: (frame: VoterFrame) => void
  /** That peer's connection has closed, by its end or on the way. */
  readonly onLinkClosed: (peer: VoterId) => void
  readonly onRedialed: (peer: VoterId, outcome: DialOutcome) => void
  /** A peer whose word counts has shown the record that it knows. */
  readonly onRecord: (record: RootRecord) => void
  /** Somebody wants to become a voter, or be found elsewhere. Returns a code of VOTER_JOIN_REPLY. */
  readonly onJoin: (voter: VoterEntry) => string
  readonly onJoinReply: (code: string) => void
  readonly onForeign: (from: VoterId, generation: GenerationId) => void
  /** Somebody says that it is a voter which answers elsewhere: it was refused. `reason` is for people. */
  readonly onDouble: (double: VoterEntry, reason: string) => void
  /** Another says that we are such a one. */
  readonly onBeingDouble: (reason: string) => void
  readonly onOpened: (peer: VoterEntry) => void
  /** A dial of that address was refused, for the first time: nobody is there. */
  readonly onTried: (address: string) => void
}

export class VoterPeers implements VoterLinks, VoterReception {
  readonly #o: VoterPeersOptions
  readonly #dialler: VoterDialler
  /** By voter id, or by address where nobody has answered yet. */
  readonly #contacts = new Map<string, VoterContact>()
  readonly #tried = new Set<string>()
  /** Why the last dial of an address led to no link. */
  readonly #troubles = new Map<string, string>()
  readonly #warned = new SaidOnce()
  readonly #foreign = new SaidOnce()
  #lastDouble: { readonly key: string; readonly at: number } = { key: "", at: 0 }
  #timer: Timer | undefined
  #ended = false

  constructor(options: VoterPeersOptions) {
    this.#o = options
    const { transport, clock, logger } = options
    this.#dialler = new VoterDialler({
      transport,
      clock,
      logger,
      hello: to => this.#hello(to),
      welcomed: (address, peer, welcome, carrier) => {
        this.#found(address, peer.voterId)
        this.#troubles.delete(address)
        if (peer.voterId === options.self.voterId) return undefined
        const record = welcome.record.length === 0 ? undefined : readRecord(options.tree, welcome.record)
        if (record !== undefined && this.#isForeign(peer.voterId, record.generation)) {
          this.#troubles.set(address, "is of another generation of the tree")
          return undefined
        }
        // Where it is known to be, it may be known by other names as well.
        const known = this.#placeOf(peer.voterId)
        if (this.#isElsewhere(peer) && !known.includes(address)) {
          void this.#doubleOf(peer, known)
          return undefined
        }
        // Before it counts as tried: a first seed without a folder founds a tree where nobody knows of one.
        if (record !== undefined) options.onRecord(record)
        return this.#open(peer, true, carrier)
      },
      refused: (address, code, reason) => {
        this.#saidOnce("a voter refuses us", { address, code, reason })
        this.#troubles.set(address, code === "Loop" ? selfTrouble : `refuses: ${reason} [${code}]`)
        if (code === "Duplicate" && !this.#ended) options.onBeingDouble(reason)
      },
      failed: (address, why) => void this.#troubles.set(address, why),
    })
  }

  start(): void {
    for (const address of this.#o.seeds) this.#expect(address)
    this.#timer = this.#o.clock.every(lookMs, () => this.look())
    this.look()
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
    for (const contact of this.#contacts.values()) for (const link of contact.links) link.close()
    this.#dialler.end()
  }

  /** Voters known, linked or not, and seeds at which one is expected. */
  get contacts(): number {
    return this.#contacts.size
  }

  /** Who is linked now. */
  get linked(): readonly VoterId[] {
    return [...this.#contacts.values()].flatMap(contact =>
      contact.voterId !== undefined && contact.link !== undefined ? [contact.voterId] : [],
    )
  }

  /** Seeds at which nobody has been found yet, ourselves left out. */
  get missing(): readonly string[] {
    return [...this.#contacts.values()].flatMap(contact =>
      contact.voterId === undefined && contact.foundAs === undefined ? contact.addresses : [],
    )
  }

  /** Why others are not linked, each in words: "seed tcp://… does not answer (ECONNREFUSED)". */
  get troubles(): readonly string[] {
    const { seeds, record } = this.#o
    const told = new Map<string, string>()
    for (const { voterId, foundAs, link, addresses } of this.#contacts.values()) {
      if (link !== undefined || (foundAs !== undefined && this.#contacts.get(foundAs)?.link !== undefined)) continue
      if (voterId !== undefined && !isNamed(record(), voterId)) continue
      for (const address of addresses) {
        const why = this.#troubles.get(address)
        const who = seeds.includes(address) ? "seed" : "the voter at"
        if (why !== undefined) told.set(address, `${who} ${address} ${why}`)
      }
    }
    return [...told.values()]
  }

  // ---- VoterLinks ----

  send(to: VoterEntry, frame: VoterFrame): void {
    const link = this.#contactOf(to).link
    // Without a link it is lost, as any frame may be; the next one finds a link.
    if (link === undefined) this.look()
    else link.tell({ case: "vote", value: encodeVoterFrame(frame) })
  }

  redial(to: VoterEntry): void {
    void this.#redial(this.#contactOf(to)).then(outcome => {
      this.#o.logger.debug("a voter was dialled anew", { peer: to.voterId, outcome })
      if (!this.#ended) this.#o.onRedialed(to.voterId, outcome)
    })
  }

  /** Asks that voter to have us join, or be found where we are now. False when there is no link to it. */
  askToJoin(root: VoterEntry): boolean {
    const link = this.#contactOf(root).link
    if (link === undefined) {
      this.look()
      return false
    }
    return link.tell({ case: "voterJoin", value: { voter: placeTo(this.#o.self) } })
  }

  /** Whether that voter is who welcomes us at one of these addresses. */
  async answersAt(voter: VoterId, addresses: readonly string[]): Promise<boolean> {
    return (await this.#dialler.find(addresses, voter))?.voterId === voter
  }

  /** Tells the record to those who are linked but no voters; voters hear of it by the log. */
  show(record: RootRecord): void {
    for (const { voterId, link } of this.#contacts.values()) {
      if (voterId === undefined || link === undefined || isVoter(record, voterId)) continue
      this.#welcome(link, record)
    }
  }

  // ---- VoterReception ----

  get isVoter(): boolean {
    const record = this.#o.record()
    return record !== undefined && isVoter(record, this.#o.self.voterId)
  }

  arrived(connection: VoterConnection, hello: VoterHello): VoterCaller {
    const { tree, self } = this.#o
    const refuse = (code: string, reason: string): VoterCaller => {
      this.#saidOnce("a voter is refused", { voter: peer?.voterId, code, reason })
      const value = { code, reason, retryAfterMs: 0, versionMin: 1, versionMax: 1 }
      connection.send([encodeControl({ case: "refuse", value })])
      connection.close()
      return nobody
    }
    let peer: VoterEntry | undefined
    try {
      peer = placeFrom(hello.from)
    } catch (thrown) {
      return refuse("BadJoin", ZincError.is(thrown) ? thrown.message : "it does not say who it is")
    }
    if (this.#ended) return refuse("Draining", "this voter is closing")
    if (hello.tree !== tree) return refuse("WrongTree", `it is of the tree "${tree}", not "${hello.tree}"`)
    if (peer.voterId === self.voterId) return this.#meetSelf(peer, refuse)
    if (hello.to.length > 0 && !equalBytes(hello.to, octetsOfVoter(self.voterId)))
      return refuse("NoSuchEndpoint", `the voter here is ${self.voterId}`)
    const generation = generationFrom(hello.generation)
    if (generation !== undefined && this.#isForeign(peer.voterId, generation))
      return refuse("WrongTree", "this voter is of another generation of the tree")
    return this.#isElsewhere(peer) ? this.#examine(peer, connection, refuse) : this.#admit(peer, connection)
  }

  /** Where nobody is authenticated, strangers may call in crowds: whom the record names gets in all the same. */
  makeRoomFor(voterId: VoterId): boolean {
    const record = this.#o.record()
    if (!isNamed(record, voterId)) return false
    for (const contact of this.#contacts.values()) {
      if (contact.voterId === undefined || isNamed(record, contact.voterId)) continue
      const link = contact.links.find(each => !each.dialled)
      if (link === undefined) continue
      link.close()
      this.#onLost(link)
      return true
    }
    return false
  }

  #admit(peer: VoterEntry, connection: VoterConnection): VoterCaller {
    const link = this.#open(peer, false, connection)
    this.#welcome(link, this.#o.record())
    return { received: control => link.received(control), closed: () => link.lost() }
  }

  // ---- one id, two places: a voter that has moved, or a copied folder (decision 262) ----

  /** Where that voter is as far as we know. */
  #placeOf(voterId: VoterId): readonly string[] {
    const linked = this.#contacts.get(voterId)?.link?.peer.addresses ?? []
    const record = this.#o.record()
    if (linked.length > 0 || record === undefined) return linked
    return (record.root.voterId === voterId ? record.root : entryOf(record, voterId))?.addresses ?? []
  }

  #isElsewhere({ voterId, addresses }: VoterEntry): boolean {
    const known = this.#placeOf(voterId)
    if (known.length === 0 || addresses.length === 0 || sameAddresses(known, addresses)) return false
    return this.#contacts.get(voterId)?.hasMovedTo(addresses, this.#o.clock.now()) !== true
  }

  /** It has to wait until it is known whether the voter of its id answers where it was. */
  #examine(peer: VoterEntry, connection: VoterConnection, refuse: Refuse): VoterCaller {
    let caller: VoterCaller | undefined
    let gone = false
    void this.#doubleOf(peer, this.#placeOf(peer.voterId)).then(reason => {
      if (gone || this.#ended) return
      caller = reason === undefined ? this.#admit(peer, connection) : refuse("Duplicate", reason)
    })
    return {
      received: control => caller?.received(control),
      closed: () => {
        gone = true
        caller?.closed()
      },
    }
  }

  /** What to tell one that claims the id of a voter which answers at its known place; undefined: nobody answers there. */
  async #doubleOf(claimant: VoterEntry, known: readonly string[]): Promise<string | undefined> {
    const { voterId, addresses } = claimant
    const found = await this.#dialler.find(known, voterId)
    if (this.#ended) return undefined
    if (found?.voterId === voterId && !sameAddresses(found.addresses, addresses)) {
      const reason = doubleReason(found)
      this.#tellDouble(claimant, reason)
      return reason
    }
    this.#contactOf({ ...claimant, addresses: [] }).movedTo(addresses, this.#o.clock.now())
    return undefined
  }

  /** Who calls has our id: ourselves, by another name of ours, or one with a copy of our folder. */
  #meetSelf(peer: VoterEntry, refuse: Refuse): VoterCaller {
    const { self, record } = this.#o
    if (sameAddresses(peer.addresses, self.addresses)) return refuse("Loop", "this voter is the caller itself")
    const known = record()
    const own = known === undefined ? undefined : entryOf(known, self.voterId)
    // The one that is where the record says is the voter; else the root decides.
    if (own === undefined || !sameAddresses(own.addresses, self.addresses))
      return refuse("Refused", "this voter has that id itself")
    const reason = doubleReason(self)
    this.#tellDouble(peer, reason)
    return refuse("Duplicate", reason)
  }

  /** It calls at several addresses at once, and comes again when it is started anew. */
  #tellDouble(double: VoterEntry, reason: string): void {
    const key = `${double.voterId} ${double.addresses.join(" ")}`
    const now = this.#o.clock.now()
    if (this.#lastDouble.key === key && now - this.#lastDouble.at < doubleAgainMs) return
    this.#lastDouble = { key, at: now }
    this.#o.onDouble(double, reason)
  }

  // ---- whom we dial ----

  /** Dials who is to be dialled. */
  look(): void {
    if (this.#ended) return
    const { clock, self, record } = this.#o
    const now = clock.now()
    const known = record()
    for (const voter of known === undefined ? [] : [...known.voters, known.root]) {
      if (voter.voterId !== self.voterId) this.#contactOf(voter)
    }
    for (const contact of this.#contacts.values()) if (this.#isDue(contact, known, now)) void this.#dial(contact)
  }

  #isDue(contact: VoterContact, record: RootRecord | undefined, now: number): boolean {
    if (!contact.isDue(now)) return false
    const { voterId, foundAs } = contact
    // A seed, unless who listens there is linked already.
    if (voterId === undefined) return foundAs === undefined || this.#contacts.get(foundAs)?.link === undefined
    // One that was taken out of the set, or only called here, calls again if it wants.
    return isNamed(record, voterId)
  }

  async #dial(contact: VoterContact): Promise<DialOutcome> {
    const { clock, random } = this.#o
    contact.dialling = true
    const outcome = await this.#dialler.dial(contact.addresses, contact.voterId)
    contact.dialling = false
    if (this.#ended) return outcome
    contact.dialled(outcome, clock.now(), random.float())
    // Who is there has yet to say what it knows, and of who may be there nothing is known.
    if (outcome !== DialOutcome.Refused) return outcome
    for (const address of contact.addresses) {
      if (this.#tried.has(address)) continue
      this.#tried.add(address)
      this.#o.onTried(address)
    }
    return outcome
  }

  /**
   * A process that is killed loses its connections and its listener one after the other: a dial between the two is reset, which
   * proves nothing, and the next one is refused.
   */
  async #redial(contact: VoterContact): Promise<DialOutcome> {
    const { clock } = this.#o
    const until = clock.now() + redialAgainMs
    for (let pause = 5; ; pause *= 2) {
      const outcome = await this.#dial(contact)
      if (outcome !== DialOutcome.Failed || this.#ended || clock.now() + pause > until) return outcome
      await sleep(clock, pause)
    }
  }

  #expect(address: string): void {
    if (this.#o.self.addresses.includes(address) || this.#contacts.has(address)) return
    this.#contacts.set(address, new VoterContact(undefined, [address], this.#o.clock.now()))
  }

  #contactOf(voter: VoterEntry): VoterContact {
    let contact = this.#contacts.get(voter.voterId)
    if (contact === undefined) {
      contact = new VoterContact(voter.voterId, voter.addresses, this.#o.clock.now())
      this.#contacts.set(voter.voterId, contact)
    } else if (voter.addresses.length > 0) contact.addresses = voter.addresses
    return contact
  }

  /** That voter listens at a seed's address: ourselves, or another. */
  #found(address: string, voterId: VoterId): void {
    const seed = this.#contacts.get(address)
    if (seed === undefined || seed.voterId !== undefined) return
    if (voterId === this.#o.self.voterId) this.#contacts.delete(address)
    else seed.foundAs = voterId
  }

  // ---- links ----

  #open(peer: VoterEntry, dialled: boolean, carrier: LinkCarrier): VoterLink {
    const link = new VoterLink(
      peer,
      dialled,
      carrier,
      (from, control) => this.#onControl(from, control),
      lost => this.#onLost(lost),
    )
    for (const address of peer.addresses) this.#found(address, peer.voterId)
    const contact = this.#contactOf(peer)
    const sameEnd = contact.links.filter(each => each.dialled === dialled)
    contact.links.push(link)
    contact.opened()
    for (const old of sameEnd.slice(0, sameEnd.length + 1 - perEnd)) {
      contact.links.splice(contact.links.indexOf(old), 1)
      old.close()
    }
    this.#o.logger.debug("a voter is linked", { peer: peer.voterId, dialled })
    this.#o.onOpened(peer)
    return link
  }

  #onLost(link: VoterLink): void {
    const { clock, self } = this.#o
    const { voterId } = link.peer
    const contact = this.#contacts.get(voterId)
    const at = contact?.links.indexOf(link) ?? -1
    if (contact === undefined || at < 0) return
    contact.links.splice(at, 1)
    if (contact.links.length === 0) {
      contact.lost(clock.now(), self.voterId < voterId)
      // Anybody may call and go again, under any id: only whom the record names is remembered.
      if (!isNamed(this.#o.record(), voterId)) this.#contacts.delete(voterId)
    }
    this.#o.logger.debug("a link to a voter was lost", { peer: voterId, dialled: link.dialled })
    if (!this.#ended) this.#o.onLinkClosed(voterId)
  }

  #onControl(link: VoterLink, { body }: Control): void {
    switch (body.case) {
      case "vote": {
        // Entries of the log are kept, and must not pin what was read together with them.
        const frame = decodeVoterFrame(body.value.slice())
        if (frame === undefined) return
        // Nobody speaks for another.
        if (frame.from !== link.peer.voterId)
          throw new ZincError("BadFrame", `voter ${link.peer.voterId} sent a vote of ${frame.from}`)
        this.#o.onFrame(frame)
        return
      }
      case "voterWelcome":
        this.#onShown(link, body.value.record)
        return
      case "voterJoin":
        this.#onJoin(link, body.value)
        return
      case "voterJoinReply":
        this.#onJoinReply(link, body.value)
        return
      default:
        // Of a later version.
        return
    }
  }

  #welcome(link: VoterLink, record: RootRecord | undefined): void {
    link.tell({
      case: "voterWelcome",
      value: { from: placeTo(this.#o.self), record: record === undefined ? new Uint8Array(0) : writeRecord(record) },
    })
  }

  #onJoin(link: VoterLink, { voter }: VoterJoin): void {
    const entry = placeFrom(voter)
    if (entry.voterId !== link.peer.voterId)
      throw new ZincError("BadFrame", `voter ${link.peer.voterId} asks for ${entry.voterId}`)
    const code = this.#o.onJoin(entry)
    const record = this.#o.record()
    link.tell({
      case: "voterJoinReply",
      value: { code, record: record === undefined ? new Uint8Array(0) : writeRecord(record) },
    })
  }

  #onJoinReply(link: VoterLink, { code, record }: VoterJoinReply): void {
    this.#onShown(link, record)
    this.#o.onJoinReply(code)
  }

  /** Anybody may call here and show a record. It counts from whom we dialled ourselves, and from whom our own record names. */
  #onShown({ dialled, peer }: VoterLink, octets: Uint8Array): void {
    if (octets.length === 0) return
    const record = readRecord(this.#o.tree, octets)
    const known = this.#o.record()
    if (known === undefined || dialled || isNamed(known, peer.voterId)) this.#o.onRecord(record)
  }

  /** Who is refused tries again every second: it is a warning once. */
  #saidOnce(what: string, fields: Readonly<Record<string, string | undefined>>): void {
    const line = [what, ...Object.values(fields)].join(" ")
    const said = this.#warned.say(line)
    if (said === "last") this.#o.logger.warn("more voters are refused, or refuse us, than are told one by one")
    this.#o.logger[said === "new" ? "warn" : "debug"](what, fields)
  }

  #isForeign(peer: VoterId, generation: GenerationId): boolean {
    const own = this.#o.generation()
    if (own === undefined || own === generation) return false
    if (this.#foreign.say(`${peer} ${generation}`) !== "no") this.#o.onForeign(peer, generation)
    return true
  }

  #hello(to: VoterId | undefined) {
    const { tree, self, token, generation } = this.#o
    return {
      version: 1,
      tree,
      generation: octetsOfVoter(generation()),
      from: placeTo(self),
      to: octetsOfVoter(to),
      token,
    }
  }
}

const selfTrouble = "is this host itself, which tells others another address: advertise that one"

/** The record says who it is: the root, or a voter. */
function isNamed(record: RootRecord | undefined, voterId: VoterId): boolean {
  return record !== undefined && (record.root.voterId === voterId || isVoter(record, voterId))
}

function doubleReason({ voterId, addresses }: VoterEntry): string {
  return `voter ${voterId} votes at ${addresses.join(" ")} already; was its data folder copied? Begin with an empty one`
}

type Refuse = (code: string, reason: string) => VoterCaller

const nobody: VoterCaller = { received: () => {}, closed: () => {} }

function generationFrom(octets: Uint8Array): GenerationId | undefined {
  return octets.length === 16 ? endpointIdFromBytes(octets) : undefined
}
