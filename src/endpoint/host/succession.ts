/**
 * What a host tells its clients of whom to ask when it is gone: the hosts on the path, itself the last, and those of its
 * clients that listen, oldest first, since the first of them takes its place. A client that comes or goes changes the list
 * for all, so changes are gathered for a moment, and only the first few clients count.
 */
import { bounded, boundedAddresses, type Candidate, candidatesMax, type LineageLists, lineageKey } from "../lineage.ts"
import type { Node } from "../node.ts"
import type { Link } from "./link.ts"

/** How long changes are gathered before all clients are told. */
const gatherMs = 20

export interface SuccessionOptions {
  readonly node: Node
  readonly name: string
  /** Where the host is bound. */
  readonly addresses: () => readonly string[]
  readonly links: Iterable<Link>
  /** The clients are to be told. */
  readonly onChanged: () => void
}

/** As control messages want them. */
type Told = Record<
  keyof LineageLists,
  { endpointId: Uint8Array; name: string; addresses: string[]; voterId: Uint8Array }[]
>

const nobody = new Uint8Array(0)

export class Succession {
  readonly #o: SuccessionOptions
  #lists: LineageLists | undefined
  #toldKey: string | undefined
  #isDue = false

  constructor(options: SuccessionOptions) {
    this.#o = options
    options.node.lineage.onChanged(() => this.#changed())
  }

  /** As they are now. */
  get lists(): Told {
    this.#lists ??= this.#make()
    const { ancestors, succession, voters } = this.#lists
    return { ancestors: ancestors.map(tell), succession: succession.map(tell), voters: voters.map(tell) }
  }

  /** As they are now; whoever is here is being told. */
  told(): Told {
    const { lists } = this
    this.#toldKey = lineageKey(lists)
    return lists
  }

  /** It is a client from now on. */
  arrived(link: Link): void {
    if (link.room !== undefined) this.#changed()
  }

  /** It is no client any more. */
  left(link: Link): void {
    if (link.room !== undefined) this.#changed()
  }

  #make(): LineageLists {
    const { node, name, addresses, links } = this.#o
    const { ancestors, voters } = node.lineage
    const self = { endpointId: node.self.bytes, name, addresses: addresses(), voterId: nobody }
    const succession: Candidate[] = []
    for (const link of links) {
      const addresses = boundedAddresses(link.room?.addresses ?? [], link.remote)
      if (addresses.length === 0) continue
      succession.push({
        endpointId: link.peer.bytes,
        name: link.name,
        addresses,
        voterId: nobody,
      })
      if (succession.length === candidatesMax) break
    }
    return { ancestors: [...ancestors, ...bounded([self], "")], succession, voters }
  }

  #changed(): void {
    this.#lists = undefined
    if (this.#isDue) return
    this.#isDue = true
    this.#o.node.clock.after(gatherMs, () => {
      this.#isDue = false
      if (lineageKey(this.lists) !== this.#toldKey) this.#o.onChanged()
    })
  }
}

function tell({ endpointId, name, addresses, voterId }: Candidate) {
  return { endpointId, name, addresses: [...addresses], voterId }
}
