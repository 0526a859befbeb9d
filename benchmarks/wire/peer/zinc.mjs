// Zinc by its fast door: `send` in a loop until it says false, then `drained`; messages as batches.
import { client, isCovered, server } from "./curve.mjs"
import { count, messages, play, ring, say, summary } from "./role.mjs"

// ZINC_BENCH_DIST lets a change be measured against its base in one run.
const dist = process.env.ZINC_BENCH_DIST ?? new URL("../../../dist", import.meta.url).href
const { Dealer, Pull, Push, Router } = await import(`${dist}/transport/zmtp/index.js`)

const { listen, dial } = isCovered ? await covers() : {}

async function covers() {
  const { curveClient, curveServer, nobleBox, SodiumBox } = await import(`${dist}/zmtp/index.js`)
  const box =
    process.env.ZINC_BENCH_BOX === "noble"
      ? nobleBox
      : await SodiumBox.load({ native: process.env.ZINC_BENCH_BOX !== "wasm" })
  return {
    listen: { security: curveServer({ secretKey: server.secretKey, box }) },
    dial: { security: curveClient({ serverKey: server.publicKey, secretKey: client.secretKey, box }) },
  }
}

await play({
  async pull(address) {
    let sum = 0
    let left = count
    let begun
    await new Promise(resolve => {
      const socket = new Pull({
        ...listen,
        onBatch(batch) {
          begun ??= process.hrtime.bigint()
          const { buffers, starts, ends, first } = batch
          for (let i = 0; i < batch.count; i++) {
            const at = first[i]
            sum += buffers[at][starts[at]] + ends[at] - starts[at]
          }
          left -= batch.count
          if (left === 0) resolve()
        },
      })
      socket.bind(address).then(bound => say({ address: bound }))
    })
    return { seconds: Number(process.hrtime.bigint() - begun) / 1e9, sum }
  },

  async push(address) {
    const socket = new Push({ ...dial })
    socket.connect(address)
    const frames = [undefined]
    for (let i = 0; i < count; i++) {
      frames[0] = messages[i & (ring - 1)]
      while (!socket.send(frames)) await socket.drained()
    }
    await socket.close({ lingerMs: 10_000 })
    return {}
  },

  async reply(address) {
    let left = count
    await new Promise(resolve => {
      const socket = new Router({
        ...listen,
        onBatch(batch) {
          for (let i = 0; i < batch.count; i++) socket.send(batch.message(i))
          left -= batch.count
          if (left === 0) socket.close().then(resolve)
        },
      })
      socket.bind(address).then(bound => say({ address: bound }))
    })
    return {}
  },

  async request(address) {
    const trips = new Float64Array(count)
    let sum = 0
    let done = 0
    let begun
    await new Promise(resolve => {
      const socket = new Dealer({
        ...dial,
        onBatch(batch) {
          trips[done++] = Number(process.hrtime.bigint() - begun)
          const answer = batch.frame(0, 0)
          sum += answer[0] + answer.length
          if (done === count) resolve()
          else send()
        },
      })
      const send = () => {
        begun = process.hrtime.bigint()
        socket.send([messages[done & (ring - 1)]])
      }
      socket.connect(address)
      send()
    })
    return { ...summary(trips), sum }
  },
})
