/**
 * Who is below the clients of a host: members of the subtrees that relays among them have told of, and through which
 * relay each is reached. The clients themselves are in the link table.
 *
 * Two relays may claim the same endpoint: it has moved, and the news of one is late, or its host was cut off and does not
 * know. All claims are kept. The one that counts is that of the endpoint's latest attachment, and when it is taken back
 * the next best holds: so a late departure never removes a newer arrival, nor a claim that was never true one that is.
 */
import { ByteMap } from "../../core/byte-map.ts"
import { equalBytes, toHex, utf8Prefix } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import type { Random } from "../../core/random.ts"
import type { Members as MembersMessage } from "../../message/control.ts"
import type { Link } from "./link.ts"

/** Endpoints that one client may have below it: more than a tree of a hundred thousand has below any. */
const claimsMax = 65_536
/** Octets of a name that are kept. */
const nameBytesMax = 64

export interface Member {
  readonly id: Uint8Array
  readonly name: string
  /** The host it is a client of. */
  readonly host: Uint8Array
  /** How often it has asked a host to take it, when that one did; 0 when nobody said. */
  readonly attach: number
  /** The client of ours through whom it is reached. */
  readonly via: Link
}

interface Claim extends Member {
  /** When it was told, in the order of all that was; 0 for one that does not fit what else is known. */
  readonly at: number
}

export interface MembersOptions {
  readonly random: Random
  /** Our own client of that id. */
  readonly ownOf: (id: Uint8Array) => Link | undefined
  readonly onArrived: (member: Member) => void
  readonly onDeparted: (member: Member) => void
  /** It is reached by another of our clients than by `from`. */
  readonly onMoved: (member: Member, from: Link) => void
  /** It is reached as before, and hangs at another host. */
  readonly onChanged: (member: Member) => void
}

export class Members implements Iterable<Member> {
  readonly #o: MembersOptions
  /** Those that count. */
  readonly #byId: ByteMap<Claim>
  readonly #byName = new Map<string, Set<Claim>>()
  readonly #of = new Map<Link, Map<string, Claim>>()
  /** Ids heard so far of a census under way. */
  readonly #census = new Map<Link, Set<string>>()
  #told = 0

  constructor(options: MembersOptions) {
    this.#o = options
    this.#byId = new ByteMap(options.random.u32())
  }

  *[Symbol.iterator](): IterableIterator<Member> {
    for (const claims of this.#of.values())
      for (const claim of claims.values()) if (this.#byId.get(claim.id) === claim) yield claim
  }

  ofId(id: Uint8Array): Member | undefined {
    return this.#byId.get(id)
  }

  named(name: string, most: number = Number.POSITIVE_INFINITY): Member[] {
    const found: Member[] = []
    for (const member of this.#byName.get(name) ?? []) {
      if (found.length >= most) break
      found.push(member)
    }
    return found
  }

  /** What a relay says of its subtree. */
  told(via: Link, { arrived, departed, first, last }: MembersMessage): void {
    if (first) this.#census.set(via, new Set())
    const census = this.#census.get(via)
    for (const { endpointId, name, hostId, attach } of arrived) {
      if (endpointId.length !== 16 || hostId.length > 16) continue
      census?.add(toHex(endpointId))
      this.#claim({ id: endpointId.slice(), name: utf8Prefix(name, nameBytesMax), host: hostId.slice(), attach, via })
    }
    for (const id of departed) {
      census?.delete(toHex(id))
      this.#takeBack(via, toHex(id))
    }
    if (!last) return
    this.#census.delete(via)
    for (const key of [...(this.#of.get(via)?.keys() ?? [])]) if (census?.has(key) === false) this.#takeBack(via, key)
  }

  /** A client is gone, and all that was reached through it. */
  forget(via: Link): void {
    this.#census.delete(via)
    for (const key of [...(this.#of.get(via)?.keys() ?? [])]) this.#takeBack(via, key)
    this.#of.delete(via)
  }

  /** It is our own client from now on. Returns by which one it was reached before. */
  adopted(link: Link): Link | undefined {
    link.adoptedAt = ++this.#told
    const known = this.#byId.get(link.peer.bytes)
    if (known !== undefined) this.#unlist(known)
    return known?.via
  }

  /** It is our own client no more: whoever claimed it meanwhile has it. */
  released(id: Uint8Array): void {
    this.#settle(id)
  }

  #claim(member: Member): void {
    const key = toHex(member.id)
    let claims = this.#of.get(member.via)
    if (claims === undefined) {
      claims = new Map()
      this.#of.set(member.via, claims)
    }
    const before = claims.get(key)
    if (before === undefined && claims.size >= claimsMax)
      throw new ZincError("BadFrame", `a relay tells of more than ${claimsMax} endpoints below it`)
    const isSame = before?.attach === member.attach && equalBytes(before.host, member.host)
    if (isSame && before.name === member.name && before.at > 0) return
    const at = this.#fits(member) ? ++this.#told : 0
    if (isSame && at === 0) return
    claims.set(key, { ...member, at })
    this.#settle(member.id)
  }

  #takeBack(via: Link, key: string): void {
    const claims = this.#of.get(via)
    const claim = claims?.get(key)
    if (claim === undefined) return
    claims!.delete(key)
    this.#settle(claim.id)
  }

  /** A subtree comes with its relay: of the same attachment, that claim is right which comes the way its host does. */
  #fits({ id, host, attach, via }: Member): boolean {
    const known = this.#byId.get(id)
    if (known === undefined || known.attach !== attach || known.via === via) return true
    const way = this.#byId.get(host)?.via ?? this.#o.ownOf(host)
    return way === undefined || way === via
  }

  /** Finds out who has it now. */
  #settle(id: Uint8Array): void {
    const key = toHex(id)
    let best: Claim | undefined
    for (const claims of this.#of.values()) {
      const claim = claims.get(key)
      if (claim !== undefined && (best === undefined || isNewer(claim, best))) best = claim
    }
    const own = this.#o.ownOf(id)
    const isOwn = own !== undefined && (best === undefined || !isNewer(best, { attach: own.attach, at: own.adoptedAt }))
    if (isOwn) best = undefined
    const known = this.#byId.get(id)
    if (best === known) return
    if (known !== undefined) this.#unlist(known)
    if (best !== undefined) this.#list(best)
    if (best === undefined) {
      if (!isOwn) this.#o.onDeparted(known!)
    } else if (best.via !== known?.via) {
      this.#o.onArrived(best)
      if (known !== undefined) this.#o.onMoved(best, known.via)
    } else this.#o.onChanged(best)
  }

  #list(claim: Claim): void {
    this.#byId.set(claim.id, claim)
    const namesakes = this.#byName.get(claim.name)
    if (namesakes === undefined) this.#byName.set(claim.name, new Set([claim]))
    else namesakes.add(claim)
  }

  #unlist(claim: Claim): void {
    this.#byId.delete(claim.id)
    const namesakes = this.#byName.get(claim.name)
    namesakes?.delete(claim)
    if (namesakes?.size === 0) this.#byName.delete(claim.name)
  }
}

function isNewer(claim: Pick<Claim, "attach" | "at">, other: Pick<Claim, "attach" | "at">): boolean {
  return claim.attach > other.attach || (claim.attach === other.attach && claim.at > other.at)
}
