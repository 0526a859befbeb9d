// What the programs of all contenders share. Roles:
//
//   host                  says {"address"}; ends with its standard input and says {"cpuMs"}
//   replicas … ADDRESS    says {"ready"}, then {"ended", "cpuMs"} when every replica shows the end text
//   writer … ADDRESS      warms up and says {"ready"}, writes when its standard input ends, says {"began", "wrote", "cpuMs"}
//
// All three are warm before the clock starts: the beginning of the session has gone the same way in another document.
import { digestOf, load } from "../recorded-trace.mjs"

const [role, trace, edits, length, digest, replicas, address] = process.argv.slice(2)

export { address, role, trace }
export const count = Number(replicas)

export const say = line => process.stdout.write(`${JSON.stringify(line)}\n`)
/** Milliseconds on a clock that all processes of this machine share. */
export const now = () => performance.timeOrigin + performance.now()

let cpuMark = process.cpuUsage()
/** CPU is counted from here: joining is not what is measured. */
export function markCpu() {
  cpuMark = process.cpuUsage()
}
export function cpuMs() {
  const used = process.cpuUsage(cpuMark)
  return (used.user + used.system) / 1000
}

/** Resolves when the parent closes our standard input. */
export const dismissed = () =>
  new Promise(resolve => {
    process.stdin.on("end", resolve)
    process.stdin.resume()
  })

export const transactions = () => load(trace, Number(edits))
const warmUpEdits = 20_000
export const warmUp = work => work.slice(0, warmUpEdits)

const endLength = Number(length)
/** Whether a text (with `length` and `toString()`) is the end text. */
export const isEnd = text => text.length === endLength && digestOf(text.toString()) === digest

/** Replays the session: `transact` makes what it is given one transaction. Yields to the event loop every 64. */
export async function write(work, text, transact) {
  let n = 0
  for (const patches of work) {
    transact(() => {
      for (const [position, deleted, inserted] of patches) {
        if (deleted > 0) text.delete(position, deleted)
        if (inserted !== "") text.insert(position, inserted)
      }
    })
    if (++n % 64 === 0) await new Promise(setImmediate)
  }
}

/** Says when all have reached the end. `watch(check)` calls check after each change of that replica. */
export async function awaitEnd(texts) {
  await Promise.all(
    texts.map(
      ({ text, watch }) =>
        new Promise(resolve => {
          watch(() => {
            if (isEnd(text)) resolve()
          })
        }),
    ),
  )
  say({ ended: now(), cpuMs: cpuMs() })
}
