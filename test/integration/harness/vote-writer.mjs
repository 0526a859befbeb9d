// Writes into a voter's folder as fast as it can, and says on standard output how far it was called back, until it is killed.
import { FileVoteFolder } from "../../../dist/cluster/vote-folder/file/index.js"

const folder = await FileVoteFolder.open({ folder: process.argv[2], tree: "killed", compactBytes: 20_000 })
const last = folder.memory.entries.at(-1)
const base = folder.memory.snapshot.at
let number = last?.number ?? base.number
console.log(`open ${folder.memory.incarnation} ${number}`)
const incarnation = folder.memory.incarnation + 1
folder.write({ type: "incarnation", incarnation }, () => console.log(`life ${incarnation}`))

function write() {
  const count = 1 + (number % 7)
  const entries = []
  for (let n = 0; n < count; n++) {
    number++
    entries.push({
      epoch: 1,
      number,
      kind: "message",
      stream: "s",
      order: number,
      origin: "o",
      sequence: number,
      payload: Buffer.alloc(number % 300, number),
    })
  }
  const through = number
  folder.write({ type: "append", entries }, () => console.log(`stored ${through}`))
  // Now and then the log is cut in front, as a voter does.
  if (number % 50 < count && number > 100) {
    const at = { epoch: 1, number: number - 100 }
    folder.write({ type: "snapshot", snapshot: { at, streams: [] }, keepsRest: true })
  }
  setImmediate(write)
}
write()
