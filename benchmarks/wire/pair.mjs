// Two processes: one binds and tells where, the other connects. Both of one contender, unless the sender is another's.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { child } from "../harness/child.mjs"
import { on } from "./placement.mjs"

/** `more`: parameters beyond the four, for both; `cores`: where each is to run, if not where the system likes. */
export async function pair(
  contender,
  { bound, dialed, count, size, transport, sender = contender, more = [], cores: [core, otherCore] = [] },
) {
  const place = placeFor(transport)
  const one = started(on(core, contender), [bound, count, size, place.address, ...more])
  let other
  try {
    const { address: reached } = await one.next()
    other = started(on(otherCore, sender), [dialed, count, size, reached, ...more])
    const [ofBound, ofDialed] = await leave(one, other, receives(bound))
    return { bound: ofBound, dialed: ofDialed }
  } catch (error) {
    one.kill()
    other?.kill()
    throw error
  } finally {
    place.remove()
  }
}

/** An address to bind, and what is to be done when it has served. */
export function placeFor(transport) {
  if (transport !== "ipc") {
    return { address: transport === "ws" ? "ws://127.0.0.1:0/bench" : "tcp://127.0.0.1:0", remove() {} }
  }
  const folder = mkdtempSync(join(tmpdir(), "zinc-bench-"))
  return { address: `ipc://${join(folder, "s")}`, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** A contender's program in a process of its own. */
export function started([command, first, env], parameters, options = {}) {
  return child(command, [...first, ...parameters], { env, ...options })
}

function receives(role) {
  return role === "pull" || role === "time"
}

/** Whoever only receives ends by itself; the other then may. */
async function leave(one, other, boundReceives) {
  const [first, second] = boundReceives ? [one, other] : [other, one]
  first.done.finally(second.dismiss).catch(() => {})
  return Promise.all([one.done, other.done])
}
