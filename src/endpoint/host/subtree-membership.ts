/**
 * Who is below a host, all the way down: its own clients, and whom the relays among them have told of (`Members`). A relay
 * tells its host in turn: everyone when the link to it is new, then who came and who went.
 */
import { endpointIdFromBytes } from "../../core/id.ts"
import type { Members as MembersMessage } from "../../message/control.ts"
import type { MemberInfo } from "../api.ts"
import type { Node } from "../node.ts"
import { idOf } from "../received-message.ts"
import type { Above, HostSideOptions } from "./host-options.ts"
import type { EndLink, Link } from "./link.ts"
import type { LinkTable } from "./link-table.ts"
import { MemberNews, type NewMember } from "./member-news.ts"
import { type Member, Members } from "./members.ts"

export interface SubtreeMembershipOptions {
  readonly node: Node
  readonly name: string
  readonly links: LinkTable
  readonly above: Pick<Above, "linked" | "resolve" | "tell"> | undefined
  readonly end: EndLink
  /** That endpoint is reached by another client than by `from`. */
  readonly onRerouted: (from: Link, id: Uint8Array) => void
  /** That endpoint is a client now, or below one. */
  readonly onFound: (id: Uint8Array) => void
  /** Nobody is reached any more by that client, whose session ended a while ago. */
  readonly onForgotten: (link: Link) => void
  readonly onGone: HostSideOptions["onGone"]
  readonly onMovedOn: HostSideOptions["onMovedOn"]
  /** How long a client that has moved is remembered. */
  readonly sessionKeepMs: number
}

/** Members that one message tells of: some hundred octets each. */
const membersPerMessage = 4096
/** Ids that one name resolves to. */
const namesakesMax = 256

export class SubtreeMembership {
  /** Those below our clients. */
  readonly members: Members
  readonly #o: SubtreeMembershipOptions
  /** At a relay: what the host above has still to be told. */
  #news: MemberNews | undefined

  constructor(options: SubtreeMembershipOptions) {
    this.#o = options
    this.members = new Members({
      random: options.node.random,
      ownOf: id => options.links.ofPeer(id),
      onArrived: member => this.#onArrived(member),
      onDeparted: member => this.#onDeparted(member),
      onMoved: (member, from) => options.onRerouted(from, member.id),
      onChanged: member => this.#tellLater().arrive(newMember(member)),
    })
  }

  /** All below: the clients, and the members of the clusters they host in turn. */
  get all(): MemberInfo[] {
    const { links, node } = this.#o
    return [
      // One that has joined another host below, and has not left us yet, is there.
      ...[...links]
        .filter(link => this.members.ofId(link.peer.bytes) === undefined)
        .map(link => ({ id: idOf(link.peer), name: link.name, host: node.id })),
      ...[...this.members].map(infoOf),
    ]
  }

  /** Ids of all below with that name, clients first. */
  named(name: string, most: number = Number.POSITIVE_INFINITY): Uint8Array[] {
    const clients = this.#o.links
      .named(name, most)
      .map(link => link.peer.bytes)
      .filter(id => this.members.ofId(id) === undefined)
    return [...clients, ...this.members.named(name, most - clients.length).map(member => member.id)]
  }

  /** Who bears the name: the root knows of all. A relay without a host above knows of those below. */
  resolve(name: string): Promise<Uint8Array[]> | Uint8Array[] {
    const { above, node } = this.#o
    const here = () => {
      const ids = this.named(name, namesakesMax)
      if (this.#o.name === name) ids.push(node.self.bytes)
      return ids
    }
    return above?.linked ? above.resolve(name).catch(here) : here()
  }

  /** What a relay says of those below it. */
  told(link: Link, news: MembersMessage): void {
    this.members.told(link, news)
  }

  /** That client is here now, wherever it was before. */
  here(link: Link): void {
    const via = this.members.adopted(link)
    if (via !== undefined) this.#o.onRerouted(via, link.peer.bytes)
    this.#tellLater().arrive(this.#newClient(link))
    this.#o.onFound(link.peer.bytes)
  }

  /** A client is back that was away, and with it those below it, who were in no census meanwhile. */
  back(link: Link): void {
    this.here(link)
    for (const member of this.members) if (member.via === link) this.#tellLater().arrive(newMember(member))
  }

  /** A client is gone for good, and those below it. */
  gone(link: Link): void {
    this.members.forget(link)
    this.members.released(link.peer.bytes)
    // One that joined another host below, before we saw it go, is there.
    if (this.members.ofId(link.peer.bytes) === undefined) this.#tellLater().depart(link.peer.bytes)
    this.#o.onGone(idOf(link.peer))
  }

  /** A client has another link now, by which it tells anew who is below it. */
  replaced(link: Link): void {
    this.#o.node.clock.after(this.#o.sessionKeepMs, () => this.#forget(link))
  }

  #forget(link: Link): void {
    this.members.forget(link)
    this.#o.onForgotten(link)
  }

  /**
   * A client has joined another host. That one tells of it and of those below it, if it is in this part of the tree; after
   * a while what we have of them is over.
   */
  moved(link: Link): void {
    const { node, links, sessionKeepMs, onGone, onMovedOn } = this.#o
    const { bytes } = link.peer
    this.members.released(bytes)
    node.clock.after(sessionKeepMs, () => {
      this.#forget(link)
      if (links.ofPeer(bytes) !== undefined) return
      if (this.members.ofId(bytes) !== undefined) onMovedOn(idOf(link.peer))
      else {
        this.#tellLater().depart(bytes)
        onGone(idOf(link.peer))
      }
    })
  }

  /** The link to the host above is new: it is told who is here. */
  tellCensus(): void {
    const { above, links } = this.#o
    if (above === undefined) return
    this.#news = undefined
    // Whoever is away may have found another host: it is told when it is back.
    const everyone: NewMember[] = [
      ...[...links].filter(link => link.awaySince === undefined).map(link => this.#newClient(link)),
      ...[...this.members].filter(({ via }) => via.awaySince === undefined).map(newMember),
    ]
    for (let from = 0; from === 0 || from < everyone.length; from += membersPerMessage) {
      const arrived = everyone.slice(from, from + membersPerMessage)
      const last = from + membersPerMessage >= everyone.length
      above.tell({ case: "members", value: { arrived, departed: [], first: from === 0, last } })
    }
  }

  #onArrived(member: Member): void {
    const { links, end, node } = this.#o
    // It has found another place below, and does not come back to its own. One that says so itself is let do it.
    const own = links.ofPeer(member.id)
    if (own?.awaySince !== undefined) end(own, "Moved", "it has joined another host below")
    else if (own !== undefined) this.#o.onRerouted(own, member.id)
    this.#o.onFound(member.id)
    this.#tellLater().arrive(newMember(member))
    node.events.emit({ type: "arrived", member: infoOf(member) })
  }

  #newClient({ peer, name, attach }: Link): NewMember {
    return { endpointId: peer.bytes, name, hostId: this.#o.node.self.bytes, attach }
  }

  #onDeparted(member: Member): void {
    this.#tellLater().depart(member.id)
    const info = infoOf(member)
    this.#o.node.events.emit({ type: "departed", member: info })
    this.#o.onGone(info.id)
  }

  /** What came and went in one go is told in one message. */
  #tellLater(): MemberNews {
    const { above, node } = this.#o
    if (this.#news !== undefined) return this.#news
    const news = new MemberNews()
    if (above === undefined) return news
    this.#news = news
    node.clock.soon(() => {
      if (this.#news !== news) return
      this.#news = undefined
      // Without a link the census of the next one will say it.
      const { arrived, departed } = news
      above.tell({ case: "members", value: { arrived, departed, first: false, last: false } })
    })
    return news
  }
}

function newMember({ id, name, host, attach }: Member): NewMember {
  return { endpointId: id, name, hostId: host, attach }
}

function infoOf({ id, name, host }: Member): MemberInfo {
  return { id: endpointIdFromBytes(id), name, host: endpointIdFromBytes(host) }
}
