/** What a ledger looks at: lives of endpoints and what they tell, whether simulated or real processes. */
import type { Clock } from "../../core/clock.ts"
import type { State } from "../../core/lifecycle.ts"
import type { EndpointEvent } from "../../endpoint/api.ts"
import type { Journal } from "./journal.ts"

/** One opening of an endpoint, as the ledger sees it. */
export interface WitnessedLife {
  /** "c2.1": the machine's name and which life of it this is. */
  readonly label: string
  readonly role: "host" | "relay" | "client"
  /** Undefined until it is open. */
  readonly endpoint: { readonly id: string; readonly state: State } | undefined
  /** Not crashed and not asked to close. */
  readonly alive: boolean
}

/** What happens, as the ledger sees it: in the simulator, or told afterwards by processes that wrote it down. */
export interface Witnessed {
  readonly clock: Pick<Clock, "now">
  readonly journal: Journal
  /** Every life there was, in order. */
  readonly lives: readonly WitnessedLife[]
  onEvent(listener: (life: WitnessedLife, event: EndpointEvent) => void): void
}
