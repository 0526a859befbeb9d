/** Repairs that clients ask for (L6): each has its share between two heartbeats, and a short queue for what is beyond. */
import { ZincError } from "../../core/errors.ts"
import type { RepairRequest } from "../../message/control.ts"
import type { RouterSocket } from "../../transport/transport.ts"
import type { Range } from "../repair-range.ts"
import type { Link } from "./link.ts"
import type { LinkTable } from "./link-table.ts"
import { rangesMax } from "./pending-syncs.ts"
import type { Publication } from "./publication.ts"
import { stepsPerHeartbeat } from "./repair-answer.ts"

export interface RepairDeskOptions {
  readonly links: Pick<LinkTable, "has">
  readonly router: Pick<RouterSocket, "send">
  readonly publication: Pick<Publication, "repairPart">
  readonly isOpen: () => boolean
}

/** Repair requests that may wait for one client. */
const repairsMax = 64

export class RepairDesk {
  readonly #o: RepairDeskOptions

  constructor(options: RepairDeskOptions) {
    this.#o = options
  }

  /** Throws `BadFrame` when the request has too many ranges. */
  asked(link: Link, { id, ranges }: RepairRequest): void {
    if (ranges.length > rangesMax) throw new ZincError("BadFrame", `a repair request of ${ranges.length} ranges`)
    this.#answer(
      link,
      id,
      ranges.map(({ topic, after, through }) => ({ topic, after: Number(after), through: Number(through) })),
    )
  }

  /** Another heartbeat: what waited has a share again. */
  renew(link: Link): void {
    link.steps = 0
    for (const { id, ranges } of link.repairs.splice(0)) this.#answer(link, id, ranges)
  }

  /** One part; the client asks for the next when it has this one, so a repair never fills its control queue. */
  #answer(link: Link, id: number, ranges: readonly Range[]): void {
    const { links, router, publication, isOpen } = this.#o
    if (!isOpen() || !links.has(link) || link.control === 0) return
    if (link.repairs.length === 0 && link.steps <= stepsPerHeartbeat) {
      if (router.send(link.control, publication.repairPart(link, id, ranges))) return
    }
    // It has had its share, or its control queue is full. Of too many it asks again for the others.
    const waiting = link.repairs.reduce((sum, repair) => sum + repair.ranges.length, ranges.length)
    if (waiting <= rangesMax && link.repairs.length < repairsMax) link.repairs.push({ id, ranges })
  }
}
