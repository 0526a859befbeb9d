/**
 * One message to everyone who wants it. It is encoded once, into the publisher's own slab; each connection only notes
 * which stretch of the slab it has to send, and stretches that follow each other grow together.
 *
 * Messages to the same connections that follow each other in one turn are a run: they are encoded one after another, and
 * the connections hear of it once, at the end of the turn or when one of them is looked at. So where everyone wants
 * everything, a message costs the publisher what it costs to encode, however many connections there are.
 */
import { copyOf, noBytes } from "../../core/bytes.ts"
import type { Engine } from "../engine.ts"
import type { Flushable } from "../flusher.ts"
import { copyInto, Flag, frameBytes, longHeaderBytes, messageBytes, writeHeader } from "../frame.ts"
import { type Follower, type Outbox, referenceBytes } from "../outbox.ts"
import { sliceBytes } from "../pacer.ts"
import { largeSlabBytes, type Slab } from "../slab.ts"
import { keyOf, ofKey } from "./subscription-count.ts"
import { SubscriptionTrie } from "./subscription-trie.ts"

/** A connection that messages may go to. */
export interface FanoutMember {
  readonly outbox: Outbox
}

/** The prefixes of one member, so that they can be taken back when it goes. */
interface Kept {
  /** Octet by octet as the characters of a string, which takes a quarter of the memory. */
  readonly prefixes: Set<string>
  bytes: number
  /** The last match it was counted in, so that it is counted once. */
  mark: number
}

/** Most prefixes of one member, beside their octets: each costs us some memory of its own. */
export const prefixesMax = 65_536
/** About as much, in octets of memory, as measured: a prefix of 8 octets takes 380, one of 43 takes 460, one of 200 takes 750. */
const prefixCost = 360
/** What taking a prefix out counts as, in octets of the pacer's turn, beside its own. */
const prefixCharge = 16
/** Of each octet of a prefix: its key, and its part of the trie. */
const octetCost = 3

type Piece = { readonly slab: Slab; readonly start: number; end: number } | Uint8Array

export class Fanout<M extends FanoutMember> implements Follower, Flushable {
  readonly #engine: Engine
  /** With `invert`: everyone there is, to be able to tell who did not ask. */
  readonly #everyone: Set<M> | undefined
  readonly #trie = new SubscriptionTrie<M>()
  readonly #kept = new Map<M, Kept>()
  #slab: Slab | undefined
  /** Slabs filled while a message was encoded, held until its connections hold them. */
  readonly #retired: Slab[] = []

  // The last match. Topics that agree in the first `depth` octets have the same one.
  #match: M[] = []
  #matchVersion = -1
  #matchTopic: Uint8Array = noBytes
  #matchLength = 0
  #mark = 0
  /** Members that are gone, some of whose prefixes are in the trie still. */
  #leaving = 0

  /** Who got the last message of this turn, when each heard of it by itself. */
  #last: readonly M[] | undefined
  /** The flusher knows of us. */
  #scheduled = false
  // The run: octets of our slab from #runStart on, and what may still be added to it.
  #run: readonly M[] | undefined
  #runStart = 0
  #runMessages = 0
  #runRoom = 0
  #runBytes = 0

  /** With `invert` a message goes to those who joined and did *not* subscribe to a prefix of it. */
  constructor(engine: Engine, options: { readonly invert?: boolean } = {}) {
    this.#engine = engine
    this.#everyone = options.invert ? new Set() : undefined
  }

  /** A member is there, with or without subscriptions. */
  join(member: M): void {
    this.#everyone?.add(member)
    this.#matchVersion = -1
  }

  /**
   * "new" when nobody had the prefix, "known" when somebody had, "repeated" when this member had; "tooMany" when it
   * would hold more than `maxBytes` octets of prefixes, or `prefixesMax` prefixes.
   */
  subscribe(member: M, prefix: Uint8Array, maxBytes: number): "new" | "known" | "repeated" | "tooMany" {
    let kept = this.#kept.get(member)
    if (kept === undefined) {
      kept = { prefixes: new Set(), bytes: 0, mark: 0 }
      this.#kept.set(member, kept)
    }
    const key = keyOf(prefix)
    if (kept.prefixes.has(key)) return "repeated"
    if (kept.bytes + prefix.length > maxBytes || kept.prefixes.size >= prefixesMax) return "tooMany"
    const isNew = !this.#trie.has(prefix)
    kept.prefixes.add(key)
    kept.bytes += prefix.length
    this.#trie.add(prefix, member)
    return isNew ? "new" : "known"
  }

  /** "last" when nobody wants the prefix any more, "others" when somebody does, "absent" when this member did not. */
  cancel(member: M, prefix: Uint8Array): "last" | "others" | "absent" {
    const kept = this.#kept.get(member)
    if (kept === undefined || !kept.prefixes.delete(keyOf(prefix))) return "absent"
    kept.bytes -= prefix.length
    this.#trie.remove(prefix, member)
    return this.#trie.has(prefix) ? "others" : "last"
  }

  /**
   * Forgets a member, which does not come back: it gets nothing more. `onGone` hears of the prefixes that nobody wants any more; where it had many,
   * in later turns, for to take tens of thousands out at once would hold up everybody.
   */
  remove(member: M, onGone: (prefix: Uint8Array) => void = () => {}): void {
    this.settle()
    this.#everyone?.delete(member)
    this.#matchVersion = -1
    const kept = this.#kept.get(member)
    if (kept === undefined) return
    this.#kept.delete(member)
    const rest = kept.prefixes.values()
    let left = kept.prefixes.size
    const take = (bytes: number) => {
      let taken = 0
      while (taken < bytes && left > 0) {
        const key = rest.next().value!
        taken += key.length + prefixCharge
        if (--left === 0) this.#leaving--
        const prefix = ofKey(key)
        this.#trie.remove(prefix, member)
        if (!this.#trie.has(prefix)) onGone(prefix)
      }
      return taken
    }
    this.#leaving++
    if (left === 0) this.#leaving--
    take(sliceBytes)
    if (left === 0) return
    this.#engine.pacer.add({
      get waits() {
        return left > 0
      },
      proceed: take,
    })
  }

  /** About how many octets of memory the prefixes of a member take. */
  costOf(member: M): number {
    const kept = this.#kept.get(member)
    return kept === undefined ? 0 : kept.bytes * octetCost + kept.prefixes.size * prefixCost
  }

  /** How many members have subscribed to anything. */
  get size(): number {
    let size = 0
    for (const kept of this.#kept.values()) if (kept.prefixes.size > 0) size++
    return size
  }

  /** The prefixes of a member. */
  prefixesOf(member: M): Uint8Array[] {
    return Array.from(this.#kept.get(member)?.prefixes ?? [], ofKey)
  }

  /** Sends to one member only, if it wants the message. False when it has no room. */
  sendTo(member: M, frames: readonly Uint8Array[]): boolean {
    return !this.#wanting(frames[0] ?? noBytes).includes(member) || member.outbox.send(frames)
  }

  /**
   * Sends to everyone who subscribed to a prefix of the first frame. `full` gets those whose queue is at its limit and
   * who therefore do not get it; with `allOrNone`, if there are any, nobody does.
   */
  send(frames: readonly Uint8Array[], full: M[], allOrNone = false): void {
    const members = this.#wanting(frames[0] ?? noBytes)
    const count = members.length
    if (count === 0) return
    const bytes = messageBytes(frames)
    const short = bytes <= largeSlabBytes && areShort(frames)
    if (short && this.#run === members && this.#prolong(frames, bytes)) return
    this.settle()
    if (allOrNone && !haveRoom(members, full)) return
    if (short) {
      const slab = this.#room(bytes)
      const start = slab.used
      const end = encode(frames, slab.bytes, start)
      slab.used = end
      if (this.#last === members && this.#begin(members, start, bytes)) return
      this.#last = members
      this.#schedule()
      for (let i = 0; i < count; i++) {
        const member = members[i]!
        if (!member.outbox.sendMessage(slab, start, end)) full.push(member)
      }
      return
    }
    const pieces = this.#encodePieces(frames)
    for (let i = 0; i < count; i++) {
      const member = members[i]!
      if (!member.outbox.hasRoom) {
        member.outbox.refuse()
        full.push(member)
        continue
      }
      member.outbox.supersede()
      for (const piece of pieces) {
        if (piece instanceof Uint8Array) member.outbox.addReference(piece)
        else member.outbox.addStretch(piece.slab, piece.start, piece.end)
      }
      member.outbox.endMessage()
    }
    for (const slab of this.#retired) this.#engine.slabs.release(slab)
    this.#retired.length = 0
  }

  /** The end of the turn. */
  flush(): void {
    this.#scheduled = false
    this.#last = undefined
    this.settle()
  }

  /** Tells the connections of the run, which ends here. */
  settle(): void {
    const members = this.#run
    if (members === undefined) return
    const slab = this.#slab!
    const start = this.#runStart
    const end = slab.used
    const messages = this.#runMessages
    this.#run = undefined
    for (let i = 0; i < members.length; i++) members[i]!.outbox.addRun(slab, start, end, messages)
  }

  /** Begins a run with a message that is encoded already. False when one of the connections cannot take it blindly. */
  #begin(members: readonly M[], start: number, bytes: number): boolean {
    let room = Number.POSITIVE_INFINITY
    let most = Number.POSITIVE_INFINITY
    for (let i = 0; i < members.length; i++) {
      const { outbox } = members[i]!
      room = Math.min(room, outbox.runMessages)
      most = Math.min(most, outbox.runBytes)
    }
    if (room < 1 || most < bytes) return false
    for (let i = 0; i < members.length; i++) members[i]!.outbox.follower = this
    this.#run = members
    this.#runStart = start
    this.#runMessages = 1
    this.#runRoom = room - 1
    this.#runBytes = most - bytes
    this.#schedule()
    return true
  }

  /** Adds a message to the run, which has the same connections; false when it does not fit. */
  #prolong(frames: readonly Uint8Array[], bytes: number): boolean {
    const slab = this.#slab!
    if (this.#runRoom < 1 || bytes > this.#runBytes || slab.used + bytes > slab.bytes.length) return false
    slab.used = encode(frames, slab.bytes, slab.used)
    this.#runMessages++
    this.#runRoom--
    this.#runBytes -= bytes
    return true
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#engine.flusher.add(this)
  }

  /** Gives up its memory; to be called when nothing more will be sent. */
  close(): void {
    this.settle()
    this.#last = undefined
    if (this.#slab !== undefined) this.#engine.slabs.release(this.#slab)
    this.#slab = undefined
    this.#match = []
    this.#matchVersion = -1
  }

  #wanting(topic: Uint8Array): M[] {
    const trie = this.#trie
    const length = Math.min(topic.length, trie.depth)
    if (this.#matchVersion === trie.version && this.#matchLength === length) {
      const known = this.#matchTopic
      let i = 0
      while (i < length && known[i] === topic[i]) i++
      if (i === length) return this.#match
    }
    let found: M[] = []
    trie.match(topic, 0, topic.length, found)
    if (this.#leaving > 0) found = found.filter(member => this.#kept.has(member))
    this.#match = this.#everyone === undefined ? this.#once(found) : othersOf(this.#everyone, found)
    this.#matchVersion = trie.version
    this.#matchTopic = copyOf(topic, 0, length)
    this.#matchLength = length
    return this.#match
  }

  /** Each member once, in the order of the first. */
  #once(found: M[]): M[] {
    if (found.length < 2) return found
    const mark = ++this.#mark
    return found.filter(member => {
      const kept = this.#kept.get(member)!
      if (kept.mark === mark) return false
      kept.mark = mark
      return true
    })
  }

  /** Our slab with room for `bytes` more. */
  #room(bytes: number): Slab {
    let slab = this.#slab
    if (slab !== undefined) {
      if (slab.holds === 1) slab.used = 0
      if (slab.used + bytes <= slab.bytes.length) return slab
      this.#engine.flusher.flushAll()
      if (slab.holds === 1) {
        slab.used = 0
        return slab
      }
      this.#engine.slabs.release(slab)
    }
    this.#slab = slab = this.#engine.slabs.take(true)
    return slab
  }

  #encodePieces(frames: readonly Uint8Array[]): Piece[] {
    const pieces: Piece[] = []
    const last = frames.length - 1
    let stretch: { readonly slab: Slab; readonly start: number; end: number } | undefined
    for (let i = 0; i <= last; i++) {
      const frame = frames[i]!
      const byReference = frame.length >= referenceBytes
      const slab = this.#roomWithin(byReference ? longHeaderBytes : frameBytes(frame.length))
      const start = slab.used
      let end = writeHeader(slab.bytes, start, i < last ? Flag.More : 0, frame.length)
      if (!byReference) {
        copyInto(slab.bytes, end, frame, frame.length)
        end += frame.length
      }
      slab.used = end
      if (stretch?.slab === slab && stretch.end === start) stretch.end = end
      else {
        stretch = { slab, start, end }
        pieces.push(stretch)
      }
      if (byReference) {
        pieces.push(frame)
        stretch = undefined
      }
    }
    return pieces
  }

  /** As #room, inside a message: nothing can be handed over to make room. */
  #roomWithin(bytes: number): Slab {
    const slab = this.#slab
    if (slab !== undefined) {
      if (slab.used + bytes <= slab.bytes.length) return slab
      this.#retired.push(slab)
    }
    this.#slab = this.#engine.slabs.take(true)
    return this.#slab
  }
}

function othersOf<M>(everyone: Iterable<M>, found: readonly M[]): M[] {
  const excluded = new Set(found)
  return [...everyone].filter(member => !excluded.has(member))
}

function areShort(frames: readonly Uint8Array[]): boolean {
  for (let i = 0; i < frames.length; i++) if (frames[i]!.length >= referenceBytes) return false
  return true
}

/** Whether each of them has room; `full` gets those who have none. */
function haveRoom<M extends FanoutMember>(members: readonly M[], full: M[]): boolean {
  for (let i = 0; i < members.length; i++) {
    const member = members[i]!
    if (member.outbox.hasRoom) continue
    member.outbox.refuse()
    full.push(member)
  }
  return full.length === 0
}

function encode(frames: readonly Uint8Array[], into: Uint8Array, at: number): number {
  const last = frames.length - 1
  for (let i = 0; i <= last; i++) {
    const frame = frames[i]!
    const size = frame.length
    at = writeHeader(into, at, i < last ? Flag.More : 0, size)
    copyInto(into, at, frame, size)
    at += size
  }
  return at
}
