/**
 * When a client's SYNC is answered (L2): once its subscription has shown that all it follows has taken effect, and at a
 * relay once the relay itself has the baseline from above.
 */
import type { Sync } from "../../message/control.ts"
import { TopicKind } from "../../message/topic.ts"
import type { Node } from "../node.ts"
import { isPrivate } from "../private-topic.ts"
import { publishBaseline } from "./baseline.ts"
import type { Link } from "./link.ts"
import type { LinkTable } from "./link-table.ts"
import type { Publication } from "./publication.ts"
import type { SubtreeInterest } from "./subtree-interest.ts"

export interface BaselineAnswersOptions {
  readonly node: Node
  readonly links: Pick<LinkTable, "has">
  readonly publication: Publication
  /** At a relay: what its clients follow. */
  readonly interest: SubtreeInterest | undefined
  readonly isOpen: () => boolean
  /** A baseline has gone out to that client. */
  readonly onAnswered: (link: Link) => void
}

/** SYNCs of one client that wait for the host above. */
const awaitedMax = 64

export class BaselineAnswers {
  readonly #o: BaselineAnswersOptions

  constructor(options: BaselineAnswersOptions) {
    this.#o = options
  }

  /** A SYNC came. Throws `BadFrame` when it names too many prefixes. */
  asked(link: Link, { number, prefixes, settling }: Sync): void {
    link.syncs.asked(number, [...prefixes, ...settling])
    const { interest } = this.#o
    if (interest !== undefined) {
      const wanted = prefixes.filter(prefix => !isPrivate(prefix) && link.mayReceive(prefix))
      interest.want(
        link,
        wanted.filter(prefix => prefix[0] !== TopicKind.System),
        link.isFresh,
      )
    }
    link.isFresh = false
    this.#answer(link)
  }

  /** The subscription to that SYNC's private topic came. */
  seen(link: Link, number: number): void {
    link.syncs.seen(number)
    this.#answer(link)
  }

  #answer(link: Link): void {
    const { node, links, publication, interest, isOpen, onAnswered } = this.#o
    for (const { number, prefixes } of link.syncs.take()) {
      const answer = () => {
        publishBaseline(node, publication, link, number, prefixes, interest?.refused(prefixes))
        onAnswered(link)
      }
      const answered = interest?.answered(prefixes)
      if (answered === undefined) {
        answer()
        continue
      }
      // A relay answers only after its own baseline. The client asks again, so of many such only some are kept.
      if (link.awaited >= awaitedMax) continue
      const { control } = link
      link.awaited++
      void answered.then(() => {
        link.awaited--
        // Whoever has lost its connection meanwhile, or for good, asks anew by the next.
        if (isOpen() && links.has(link) && link.control === control) answer()
      })
    }
  }
}
