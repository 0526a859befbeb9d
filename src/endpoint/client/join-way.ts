/** How a joiner came to the host it asks: what its JOIN says of that. */
import type { Step } from "./candidates.ts"

export interface JoinWay {
  /** So many hosts have sent it on. */
  readonly redirects: number
  /** It could reach none of those it was sent on to. */
  readonly settle: boolean
  /** After a loss: what it began with. */
  readonly step: Step | undefined
}
