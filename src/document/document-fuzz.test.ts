/** Random edits under random faults. A failing seed is the whole report: put it first in `seeds` to see it again. */
import { describe, expect, it } from "vitest"
import { PortNetwork } from "../../test/document/port-network.ts"
import { toHex } from "../core/bytes.ts"
import { SeededRandom } from "../core/random.ts"
import { DocumentService } from "./document-service.ts"
import { type TextDocument, text } from "./yjs/text.ts"

const seeds = Array.from({ length: Number(process.env.ZINC_SEEDS ?? 120) }, (_, i) => i + 1)

describe("Documents under faults", () => {
  it.each(seeds)("converge: seed %i", async seed => {
    const random = new SeededRandom(seed)
    const network = new PortNetwork({
      seed: seed * 7_919,
      delayMs: [1, 1 + random.below(60)],
      window: random.below(3) === 0 ? 2 : 1_000,
    })
    const { clock } = network
    let host = new DocumentService(network.host)
    const ports = Array.from({ length: 2 + random.below(3) }, () => network.client())
    const services = ports.map(port => new DocumentService(port))
    const documents: TextDocument[] = []
    for (const port of ports) port.up()
    const opening = Promise.all(services.map(service => service.open("notes", text)))
    // The host edits too, sometimes; and someone joins a document that is under way.
    const withHost = random.below(2) === 0
    if (withHost) documents.push(await host.open("notes", text))
    await clock.run(2_000)
    documents.push(...(await opening))
    network.faults.loss = random.below(3) === 0 ? 0.1 : 0
    network.faults.duplication = random.below(3) === 0 ? 0.2 : 0

    for (let step = 0; step < 60; step++) {
      const document = documents[random.below(documents.length)]!
      if (document.state !== "closed") edit(document, random)
      const port = ports[random.below(ports.length)]!
      const fault = random.below(12)
      if (fault === 0) port.down()
      else if (fault <= 2) port.up()
      else if (fault === 3 && !withHost && random.below(4) === 0) {
        host.abort()
        network.restartHost()
        host = new DocumentService(network.host)
        for (const each of ports) if (random.below(2) === 0) each.up()
      }
      if (random.below(2) === 0) await clock.run(random.below(120))
    }

    network.faults.loss = 0
    network.faults.duplication = 0
    for (const port of ports) port.up()
    await clock.run(20_000)

    const final = [await host.open("notes", text), ...documents]
    expect(final.map(document => document.state)).toEqual(final.map(() => "synchronized"))
    expect(new Set(final.map(document => JSON.stringify(document.toDelta()))).size).toBe(1)
    expect(new Set(final.map(document => toHex(document.version()))).size).toBe(1)
    for (const service of [host, ...services]) {
      for (const sync of service.documents) expect(sync.settled).toBe(true)
      service.abort()
    }
  })
})

function edit(document: TextDocument, random: SeededRandom): void {
  const position = random.below(document.length + 1)
  switch (random.below(6)) {
    case 0:
    case 1:
      document.delete(position, random.below(Math.min(6, document.length - position + 1)))
      break
    case 2:
      document.format(position, random.below(document.length - position + 1), { bold: random.below(2) === 0 || null })
      break
    case 3:
      if (random.below(3) === 0) document.undo()
      break
    default:
      document.insert(position, String.fromCharCode(97 + random.below(26)).repeat(1 + random.below(4)))
  }
}
