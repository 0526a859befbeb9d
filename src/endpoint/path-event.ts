/** Tells an endpoint's user of each new path to the root, and why it is another; and whether the top of it has authority (R6). */
import { endpointIdFromBytes } from "../core/id.ts"
import type { Node } from "./node.ts"

/** Emits `path` whenever the node's place in its tree is another, and `readOnly` when its part of the tree gains or loses its root. */
export function tellPaths({ place, events }: Pick<Node, "place" | "events">): void {
  const pathNow = () => place.path.map(id => endpointIdFromBytes(id))
  let told = pathNow()
  let { isReadOnly } = place
  place.onMoved(() => {
    const path = pathNow()
    if (path.join() !== told.join()) {
      const [host, before] = [path.at(-2), told.at(-2)]
      told = path
      const reason =
        host === undefined
          ? "it is the root"
          : host === before
            ? "the tree above its host changed"
            : "it hangs at another host"
      events.emit({ type: "path", path, reason })
    }
    if (place.isReadOnly === isReadOnly) return
    isReadOnly = place.isReadOnly
    const reason = isReadOnly
      ? "this part of the tree reaches no majority of its voters: ordered topics take nothing until it does"
      : "this part of the tree has a root again: ordered topics take messages"
    events.emit({ type: "readOnly", isReadOnly, reason })
  })
}
