// How fast does a real editing session reach everyone else? One writer replays it, one transaction per recorded one, and
// yields to the event loop after every 64; a server or host in a process of its own passes it on; one or ten remote
// replicas live in a third process. All are warm: the session's beginning has gone the same way before. The clock runs from the writer's first edit until every replica shows the end text,
// whose digest is checked. Hocuspocus does the same work with its own server and providers, in interleaved runs. "yjs" is
// the ceiling: one process that decodes and applies the recorded updates, one by one, with nothing in between.
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Y from "yjs"
import { child } from "../harness/child.mjs"
import { digestOf, folder, load, present } from "./recorded-trace.mjs"

const here = dirname(fileURLToPath(import.meta.url))
/** Transactions of the second, longer session: a prefix, or Hocuspocus would take minutes. */
const paperPrefix = { full: 30_000, quick: 8_000 }

export default {
  name: "documents/trace",
  question: "edits a second of a real session, writer → host → N replicas, until all are equal",
  async *cases(options) {
    const traces = [
      ["sveltecomponent", options.quick ? 8_000 : Number.POSITIVE_INFINITY],
      ["automerge-paper", options.quick ? paperPrefix.quick : paperPrefix.full],
    ]
    for (const [trace, limit] of traces) {
      if (!present(trace)) {
        console.error(`!!! documents/trace: ${trace}.json.gz is not in ${folder}: SKIPPED`)
        continue
      }
      const work = prepared(trace, limit)
      for (const replicas of options.sizes ?? [1, 10]) {
        const contenders = { zinc: run("zinc", work, replicas), hocuspocus: run("hocuspocus", work, replicas) }
        if (options.all) contenders["hocuspocus-flushDelay"] = run("hocuspocus", work, replicas, { FLUSH_DELAY: "5" })
        contenders.yjs = run("yjs", work, replicas)
        yield {
          parameters: { trace, replicas, edits: work.edits },
          unit: "edits/s",
          better: "more",
          contenders,
          targets: replicas === 1 ? { hocuspocus: 8 } : {},
        }
      }
    }
  },
}

function prepared(trace, limit) {
  const transactions = load(trace, limit)
  const doc = new Y.Doc()
  const text = doc.getText("text")
  for (const patches of transactions) {
    for (const [position, deleted, inserted] of patches) {
      if (deleted > 0) text.delete(position, deleted)
      if (inserted !== "") text.insert(position, inserted)
    }
  }
  const end = text.toString()
  return { trace, edits: transactions.length, length: end.length, digest: digestOf(end) }
}

function run(name, { trace, edits, length, digest }, replicas, env = {}) {
  const program = join(here, `peer/${name}.mjs`)
  const start = (role, ...more) =>
    child(process.execPath, [program, role, trace, edits, length, digest, replicas, ...more], {
      limitSeconds: 240,
      env,
    })
  return async () => {
    if (name === "yjs") {
      const { seconds } = await start("alone").done
      return edits / seconds
    }
    const host = start("host")
    const { address } = await host.next()
    const readers = start("replicas", address)
    await readers.next()
    const writer = start("writer", address)
    await writer.next()
    writer.dismiss()
    const { began, cpuMs: writerCpu, wrote } = await writer.next()
    const { ended, cpuMs: readersCpu } = await readers.next()
    for (const process of [writer, readers]) await process.done
    host.dismiss()
    const { cpuMs: hostCpu } = await host.done
    const seconds = (ended - began) / 1000
    return {
      value: edits / seconds,
      details: {
        "writer CPU ms": writerCpu,
        "host CPU ms": hostCpu,
        "replicas CPU ms": readersCpu,
        "written after ms": wrote - began,
      },
    }
  }
}
