// A thousand who join at once: how long until all are in, and what do those who were in before notice? Once as clients of
// one host, once as relays who make a tree among themselves.
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { child } from "../harness/child.mjs"

const peer = join(dirname(fileURLToPath(import.meta.url)), "peer/storm.mjs")
const processes = 2

export default {
  name: "growth/storm",
  question:
    "milliseconds until all who join at once are in, and the longest silence that a client which was in before hears",
  runs: 3,
  *cases({ quick }) {
    for (const [kind, joiners, fanOut] of quick
      ? [["clients", 40, 10_000]]
      : [
          ["clients", 1000, 10_000],
          ["relays", 300, 8],
        ]) {
      yield {
        parameters: { transport: "tcp", joiners, kind, fanOut },
        unit: "ms",
        better: "less",
        // Three heartbeats: whoever hears nothing for longer counts its host as silent.
        limit: { silence: 750 },
        rows: { all: { until: "all are in" }, silence: { silence: "longest" } },
        contenders: { zinc: () => zinc(kind, joiners, fanOut) },
      }
    }
  },
}

async function zinc(kind, joiners, fanOut) {
  const host = child(process.execPath, [peer, "host", fanOut])
  const { address } = await host.next()
  const steady = child(process.execPath, [peer, "steady", 5, address])
  await steady.next()
  const storms = Array.from({ length: processes }, () =>
    child(process.execPath, [peer, kind, joiners / processes, address, fanOut], { limitSeconds: 120 }),
  )
  for (const each of storms) await each.next()
  const begun = performance.now()
  for (const each of storms) each.tell("go")
  const done = await Promise.all(storms.map(each => each.next()))
  const all = performance.now() - begun
  steady.dismiss()
  const { silence, left } = await steady.done
  for (const each of storms) each.dismiss()
  host.dismiss()
  const { lag, busy, sentOn, degree, silent } = await host.done
  await Promise.all(storms.map(each => each.done))
  if (left > 0) throw new Error(`${left} of those who were in lost their host`)
  return {
    values: { all, silence },
    details: {
      "ms the host's loop was late at most": lag,
      "told to wait": busy,
      "sent on": sentOn,
      "clients of the root": degree,
      "of the fullest host": Math.max(degree, ...done.map(each => each.degree)),
      "links to the deepest": Math.max(...done.map(each => each.depth)),
      "heartbeats unanswered by those who were in": silent,
    },
  }
}
