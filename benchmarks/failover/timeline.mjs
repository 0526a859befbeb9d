// What happened when: every member's log and events around each fault, one after the other, to find what took long.
import { appendFileSync } from "node:fs"

/** Before the fault, in microseconds. */
const beforeUs = 20_000

/** A function that writes the timeline of a fault to that file; undefined: it writes nothing. */
export function timelineTo(file) {
  if (file === undefined) return () => {}
  return (tree, { fault, record, victim, ms, fromUs }) => {
    const lines = tree.members
      .flatMap(({ name, events }) => events.map(event => ({ ...event, name })))
      .filter(({ atUs }) => atUs >= fromUs - beforeUs)
      .sort((a, b) => a.atUs - b.atUs)
      .map(({ atUs, name, event, ...more }) => {
        const at = ((atUs - fromUs) / 1000).toFixed(1)
        return `${at.padStart(9)} ${name.padEnd(9)} ${event.padEnd(9)} ${JSON.stringify(more)}`
      })
    appendFileSync(file, [`==== ${fault} (${victim}, ${record}): ${ms.toFixed(1)} ms`, ...lines, ""].join("\n"))
  }
}
