/** The kinds of simulation there are, by name. */
import { allRules } from "../../cluster/election/index.ts"
import { allEndpointRules } from "../../endpoint/rules.ts"
import { simulateDocuments } from "./document-swarm.ts"
import { simulateElection } from "./election/index.ts"
import { simulateGrowth } from "./growth-swarm.ts"
import type { SimulationKind, SimulationOptions, SimulationRun } from "./kind.ts"
import { simulateMessages } from "./message-swarm.ts"
import { simulatePromotion } from "./promotion/index.ts"
import { simulateScale } from "./scale-swarm.ts"
import { simulateSwarm } from "./swarm.ts"

const messages: SimulationKind = {
  name: "messages",
  about: "one host and its clients: messages, requests and direct messages",
  knobs: ["without", "only"],
  rules: Object.keys(allEndpointRules),
  run: options => runMessages(options, false),
}

const tree: SimulationKind = {
  name: "tree",
  about: "a small tree of relays: messages, requests and direct messages",
  knobs: ["without", "only"],
  rules: Object.keys(allEndpointRules),
  run: options => runMessages(options, true),
}

const documents: SimulationKind = {
  name: "documents",
  about: "one host and its clients edit a document",
  knobs: ["only"],
  rules: [],
  async run(options) {
    const outcome = await simulateDocuments(options)
    const { edits, acknowledged, events } = outcome
    return { ...outcome, counts: { events, edits, acknowledged }, times: [] }
  },
}

const election: SimulationKind = {
  name: "election",
  about: "voters elect a root and keep its ordered log, with leaves that send and hear; state machines, no endpoints",
  knobs: ["without", "only"],
  rules: [...Object.keys(allRules), "epochGate", "rewind"],
  async run({ seed, without, only, kept }) {
    const outcome = simulateElection({
      seed,
      ...(without === undefined ? {} : { rules: { [without]: false } }),
      ...(only === undefined ? {} : { only }),
      ...(kept === undefined ? {} : { kept }),
    })
    const times = outcome.promotions
      .filter(({ clean, usual }) => clean && usual)
      .map(({ cause, ms, external }) => ({ what: `${cause} ${external ? "external" : "embedded"}`, ms }))
    const counts = { ...outcome.counts, events: outcome.counts.frames, promotions: outcome.promotions.length }
    return { ...outcome, faults: outcome.script, counts, times }
  },
}

const swarm: SimulationKind = {
  name: "swarm",
  about: "a tree of 5 to 40 endpoints: messages and documents, at least a minute and five faults",
  knobs: ["nodes", "minutes", "without", "only"],
  rules: Object.keys(allEndpointRules),
  run: simulateSwarm,
}

const scale: SimulationKind = {
  name: "scale",
  about: "a storm of joins to one host, without faults: time to attach, depth, and what an idle endpoint costs",
  knobs: ["nodes"],
  rules: [],
  run: simulateScale,
}

const growth: SimulationKind = {
  name: "growth",
  about: "a tree that grows by itself: all join the root in storms, under faults; degree, depth, loops, everybody in",
  knobs: ["nodes", "minutes", "only"],
  rules: [],
  run: simulateGrowth,
}

const promotion: SimulationKind = {
  name: "promotion",
  about: "three or five voters, relays and clients: root after root is killed under load; messages and documents",
  knobs: ["nodes", "minutes", "without", "only"],
  rules: Object.keys(allEndpointRules),
  run: simulatePromotion,
}

/** Every kind, by its name. */
export const simulationKinds: Readonly<Record<string, SimulationKind>> = {
  swarm,
  scale,
  messages,
  tree,
  documents,
  election,
  growth,
  promotion,
}

async function runMessages(options: SimulationOptions, isTree: boolean): Promise<SimulationRun> {
  const outcome = await simulateMessages({ ...options, tree: isTree })
  return { ...outcome, counts: { ...outcome.counts }, times: [] }
}
