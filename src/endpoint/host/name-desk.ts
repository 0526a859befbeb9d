/**
 * Answers who bears a name. Clients take turns, and each may have so many questions open: whoever asks as fast as it can
 * neither holds up others nor fills our memory, or that of the hosts above.
 */
import type { Clock } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import { openQueriesMax } from "../client/name-queries.ts"
import type { Link, Tell } from "./link.ts"

/** Questions answered before others have a turn. */
const perTurn = 64
/** Open questions of one client: several times what ours ask at once, since a relay asks for those below it. */
const waitingMax = 16 * openQueriesMax

export interface NameDeskOptions {
  readonly clock: Clock
  readonly tell: Tell
  /** Who bears the name, as far as is known here or above. */
  readonly resolve: (name: string) => Promise<Uint8Array[]> | Uint8Array[]
}

interface Client {
  readonly waiting: { readonly id: number; readonly name: string }[]
  /** Asked above, and not answered yet. */
  open: number
}

export class NameDesk {
  readonly #o: NameDeskOptions
  readonly #clients = new Map<Link, Client>()
  #hasTurn = false

  constructor(options: NameDeskOptions) {
    this.#o = options
  }

  /** Throws `BadFrame` when the client has far too many questions open. */
  asked(link: Link, id: number, name: string): void {
    let client = this.#clients.get(link)
    if (client === undefined) {
      client = { waiting: [], open: 0 }
      this.#clients.set(link, client)
    }
    if (client.waiting.length >= waitingMax)
      throw new ZincError("BadFrame", `a client asks for more than ${waitingMax} names at once`)
    client.waiting.push({ id, name })
    this.#turnSoon()
  }

  /** The client is gone. */
  forget(link: Link): void {
    this.#clients.delete(link)
  }

  #turnSoon(): void {
    if (this.#hasTurn) return
    this.#hasTurn = true
    this.#o.clock.soon(() => {
      this.#hasTurn = false
      this.#turn()
    })
  }

  /** One question of each client after the other. */
  #turn(): void {
    for (let left = perTurn; left > 0; left--) {
      const next = [...this.#clients].find(([, { waiting, open }]) => waiting.length > 0 && open < openQueriesMax)
      if (next === undefined) return
      const [link, client] = next
      const { id, name } = client.waiting.shift()!
      this.#clients.delete(link)
      this.#clients.set(link, client)
      this.#answer(link, client, id, name)
      this.#forgetIfDone(link, client)
    }
    this.#turnSoon()
  }

  #forgetIfDone(link: Link, { waiting, open }: Client): void {
    if (waiting.length === 0 && open === 0) this.#clients.delete(link)
  }

  #answer(link: Link, client: Client, id: number, name: string): void {
    const answer = (endpointIds: Uint8Array[]) => this.#o.tell(link, { case: "resolved", value: { id, endpointIds } })
    const ids = this.#o.resolve(name)
    if (!(ids instanceof Promise)) {
      answer(ids)
      return
    }
    client.open++
    void ids.then(found => {
      client.open--
      if (this.#clients.get(link) !== client) return
      answer(found)
      this.#forgetIfDone(link, client)
      this.#turnSoon()
    })
  }
}
