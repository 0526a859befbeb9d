/** Tells an endpoint's user of each new path to the root, and why it is another. */
import { endpointIdFromBytes } from "../core/id.ts"
import type { Node } from "./node.ts"

/** Emits `path` whenever the node's place in its tree is another. */
export function tellPaths({ place, events }: Pick<Node, "place" | "events">): void {
  const pathNow = () => place.path.map(id => endpointIdFromBytes(id))
  let host = pathNow().at(-2)
  place.onMoved(() => {
    const path = pathNow()
    const same = path.at(-2) === host
    host = path.at(-2)
    const reason = same
      ? "the tree above its host changed"
      : host === undefined
        ? "it is the root"
        : "it hangs at another host"
    events.emit({ type: "path", path, reason })
  })
}
