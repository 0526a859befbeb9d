// What is done to the tree, and how long it is silent after that: { ms, … }, in milliseconds.
import { setTimeout as sleep } from "node:timers/promises"
import { nowUs } from "./tree.mjs"

const leaseMs = 1500

/** `limit` is asked of the 99th percentile. */
export const faults = [
  { fault: "kill the root", limit: 500, act: killRoot },
  { fault: "stop the root", limit: leaseMs + 500, act: stopRoot },
  { fault: "kill a relay", limit: 500, act: killRelay },
  { fault: "close the root", limit: 50, act: closeRoot },
  // Only where it is asked for: what of a close's silence is the machine's.
  { fault: "nothing", limit: 50, act: nothing, isExtra: true },
]

async function killRoot(tree) {
  const root = await tree.root()
  return await killed(tree, root, others(tree, root))
}

/** The one with most below it: who is there counts, the others hear nothing of it. */
async function killRelay(tree) {
  const [{ relay, below }] = await tree.relays()
  return await killed(tree, relay, below)
}

/** The victim is started when all have heard again: it would take the processor from those that are measured. */
async function killed(tree, victim, survivors) {
  victim.kill()
  const fromUs = nowUs()
  const ms = await tree.heardAfter(survivors, fromUs)
  victim.start()
  await victim.opened
  return { ms, fromUs, victim: victim.name }
}

/**
 * When it may run again, the old root must obey the new one: the first thing that it does then is to send an ordered
 * message, which it would number itself if it still took itself for the root. Everyone must hear it in a later reign.
 */
async function stopRoot(tree) {
  const root = await tree.root()
  const survivors = others(tree, root)
  const { epoch } = await root.ask("state")
  root.signal("SIGSTOP")
  // Not before: what is sent in between may still be numbered by it, if we lose the processor just then.
  const fromUs = nowUs()
  const ms = await tree.heardAfter(survivors, fromUs)
  const claim = `claim ${fromUs}`
  const claimed = root.ask("claim", { claim })
  root.signal("SIGCONT")
  const { refused } = await claimed
  let usurped = 0
  if (!refused) {
    const heard = await Promise.all(survivors.map(each => each.ask("claimed", { claim })))
    usurped = heard.filter(each => each.epoch <= epoch).length
  }
  return { ms, usurped, fromUs, victim: root.name, refused }
}

/** The longest time without a message while it closed: nobody was lost, so nobody should have noticed. */
async function closeRoot(tree) {
  const root = await tree.root()
  const survivors = others(tree, root)
  const fromUs = nowUs()
  await root.ask("close")
  const throughUs = nowUs()
  await tree.heardAfter(survivors, throughUs + 200_000)
  const silences = await Promise.all(survivors.map(each => each.ask("silence", { fromUs, throughUs })))
  root.start()
  await root.opened
  return { ms: Math.max(...silences.map(each => each.longest)) / 1000, fromUs, victim: root.name }
}

/** About as long as a close takes. */
const closeMs = 200

/** The longest time without a message while nobody did anything. */
async function nothing(tree) {
  const fromUs = nowUs()
  await sleep(closeMs)
  const throughUs = nowUs()
  const silences = await Promise.all(tree.survivors.map(each => each.ask("silence", { fromUs, throughUs })))
  return { ms: Math.max(...silences.map(each => each.longest)) / 1000, fromUs, victim: "nobody" }
}

function others(tree, victim) {
  return tree.survivors.filter(each => each !== victim)
}
