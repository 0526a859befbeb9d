/** What happened in the tree, from one look at the roster to the next, as records for machines and words for people. */
import type { EndpointId, Roster, RosterChange, RosterEntry } from "../../index.ts"
import { type Colours, printable } from "../output.ts"

export interface News {
  readonly event: "arrived" | "departed" | "moved" | "away" | "back" | "promoted" | "epoch"
  readonly id: EndpointId
  readonly name: string
  /** Ids from the root to it. */
  readonly path: readonly EndpointId[]
  readonly words: string
}

export function newsOf(
  { arrived, changed, departed }: RosterChange,
  roster: Pick<Roster, "get">,
  colours: Colours,
): News[] {
  const named = (id: EndpointId | undefined) => {
    const entry = id === undefined ? undefined : roster.get(id)
    return entry === undefined ? "nobody" : printable(entry.name)
  }
  const news: News[] = []
  const tell = (event: News["event"], entry: RosterEntry, words: string) =>
    news.push({ event, id: entry.id, name: entry.name, path: entry.path, words })
  for (const entry of arrived)
    tell("arrived", entry, `${colours.green("+")} ${printable(entry.name)} ${placeOf(entry, named)}`)
  for (const { entry, before } of changed) {
    const name = printable(entry.name)
    if (entry.role === "root" && before.role !== "root")
      tell("promoted", entry, `${colours.magenta("♛")} ${name} is root now, epoch ${entry.epoch}`)
    else if (entry.role === "root" && entry.epoch !== before.epoch)
      tell("epoch", entry, `${colours.magenta("♛")} epoch ${entry.epoch} of ${name}`)
    if (entry.parent !== before.parent)
      tell("moved", entry, `${colours.cyan("→")} ${name} moved from ${named(before.parent)} to ${named(entry.parent)}`)
    if (entry.state === "away" && before.state !== "away") tell("away", entry, `${colours.yellow("!")} ${name} is away`)
    if (entry.state !== "away" && before.state === "away") tell("back", entry, `${colours.green("+")} ${name} is back`)
  }
  for (const entry of departed) tell("departed", entry, `${colours.red("-")} ${printable(entry.name)} left`)
  return news
}

function placeOf(entry: RosterEntry, named: (id: EndpointId | undefined) => string): string {
  if (entry.role === "root") return "is the root"
  return `came ${entry.role === "relay" ? "as a relay " : ""}below ${named(entry.parent)}`
}
