/** L9: a data leg that is lost while the link is up is dialled again for a while, under the same session. */
import type { Clock } from "../../core/clock.ts"
import type { Random } from "../../core/random.ts"

export interface DataLegRedial {
  readonly clock: Clock
  readonly random: Random
  readonly dial: () => Promise<void>
  /** The link that the leg is of is still the present one. */
  readonly isWanted: () => boolean
  readonly onBack: () => void
  /** It was dialled for as long as is due, and did not come up. */
  readonly onGivenUp: (thrown: unknown) => void
}

/** How long one data leg is redialled before the link counts as lost. */
const redialMs = 1000

export function redialDataLeg({ clock, random, dial, isWanted, onBack, onGivenUp }: DataLegRedial): void {
  const until = clock.now() + redialMs
  const redial = () => {
    if (!isWanted()) return
    dial().then(
      () => {
        if (isWanted()) onBack()
      },
      thrown => {
        if (!isWanted()) return
        if (clock.now() >= until) onGivenUp(thrown)
        else clock.after(50 + random.below(50), redial)
      },
    )
  }
  clock.after(random.below(20), redial)
}
