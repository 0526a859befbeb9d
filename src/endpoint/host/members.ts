/**
 * Who is below the clients of a host: members of the subtrees that relays among them have told of, and through which
 * relay each is reached. The clients themselves are in the link table.
 */
import { ByteMap } from "../../core/byte-map.ts"
import { equalBytes, toHex } from "../../core/bytes.ts"
import type { Random } from "../../core/random.ts"
import type { Members as MembersMessage } from "../../message/control.ts"
import type { Link } from "./link.ts"

export interface Member {
  readonly id: Uint8Array
  readonly name: string
  /** The host it is a client of. */
  readonly host: Uint8Array
  /** The client of ours through whom it is reached. */
  readonly via: Link
}

export interface MembersOptions {
  readonly random: Random
  readonly onArrived: (member: Member) => void
  readonly onDeparted: (member: Member) => void
  /** It is reached by another of our clients than by `from`. */
  readonly onMoved: (member: Member, from: Link) => void
}

export class Members implements Iterable<Member> {
  readonly #o: MembersOptions
  readonly #byId: ByteMap<Member>
  readonly #of = new Map<Link, Map<string, Member>>()
  readonly #byName = new Map<string, Set<Member>>()
  /** Ids heard so far of a census under way. */
  readonly #census = new Map<Link, Set<string>>()

  constructor(options: MembersOptions) {
    this.#o = options
    this.#byId = new ByteMap(options.random.u32())
  }

  *[Symbol.iterator](): IterableIterator<Member> {
    for (const members of this.#of.values()) yield* members.values()
  }

  ofId(id: Uint8Array): Member | undefined {
    return this.#byId.get(id)
  }

  named(name: string, most: number = Number.POSITIVE_INFINITY): Member[] {
    return [...(this.#byName.get(name) ?? [])].slice(0, most)
  }

  /** What a relay says of its subtree. */
  told(via: Link, { arrived, departed, first, last }: MembersMessage): void {
    if (first) this.#census.set(via, new Set())
    const census = this.#census.get(via)
    for (const { endpointId, name, hostId } of arrived) {
      if (endpointId.length !== 16) continue
      census?.add(toHex(endpointId))
      this.#arrive({ id: endpointId.slice(), name: name.slice(0, 64), host: hostId.slice(), via })
    }
    for (const id of departed) {
      census?.delete(toHex(id))
      const member = this.#of.get(via)?.get(toHex(id))
      if (member !== undefined) this.#depart(member)
    }
    if (!last) return
    this.#census.delete(via)
    for (const [key, member] of [...(this.#of.get(via) ?? [])]) if (census?.has(key) === false) this.#depart(member)
  }

  /** A client is gone, and all that was reached through it. */
  forget(via: Link): void {
    this.#census.delete(via)
    for (const member of [...(this.#of.get(via)?.values() ?? [])]) this.#depart(member)
    this.#of.delete(via)
  }

  #arrive(member: Member): void {
    const known = this.#byId.get(member.id)
    if (known !== undefined) {
      if (known.via === member.via && known.name === member.name && equalBytes(known.host, member.host)) return
      this.#remove(known)
    }
    this.#byId.set(member.id, member)
    const key = toHex(member.id)
    const siblings = this.#of.get(member.via)
    if (siblings === undefined) this.#of.set(member.via, new Map([[key, member]]))
    else siblings.set(key, member)
    const namesakes = this.#byName.get(member.name)
    if (namesakes === undefined) this.#byName.set(member.name, new Set([member]))
    else namesakes.add(member)
    if (known?.via === member.via) return
    this.#o.onArrived(member)
    if (known !== undefined) this.#o.onMoved(member, known.via)
  }

  /** It is our own client from now on. Returns by which one it was reached before. */
  adopted(id: Uint8Array): Link | undefined {
    const member = this.#byId.get(id)
    if (member !== undefined) this.#remove(member)
    return member?.via
  }

  #depart(member: Member): void {
    this.#remove(member)
    this.#o.onDeparted(member)
  }

  #remove(member: Member): void {
    this.#of.get(member.via)?.delete(toHex(member.id))
    if (this.#byId.get(member.id) === member) this.#byId.delete(member.id)
    const namesakes = this.#byName.get(member.name)
    namesakes?.delete(member)
    if (namesakes?.size === 0) this.#byName.delete(member.name)
  }
}
