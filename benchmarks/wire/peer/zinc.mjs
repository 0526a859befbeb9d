// Zinc by its fast door: `send` in a loop until it says false, then `drained`; messages as batches, their octets borrowed.
import { client, isCovered, server } from "./curve.mjs"
import { hold } from "./hold.mjs"
import { count, cpuMs, fifth, lines, messages, play, ring, say, size, summary, until } from "./role.mjs"
import { Lateness, now, paced, stamp, stampOf } from "./stamp.mjs"

// ZINC_BENCH_DIST lets a change be measured against its base in one run.
const dist = process.env.ZINC_BENCH_DIST ?? new URL("../../../dist", import.meta.url).href
const { Dealer, Pub, Pull, Push, Router, Sub } = await import(`${dist}/transport/zmtp/index.js`)

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
        borrow: true,
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

  async publish(address) {
    const socket = new Pub({ noDrop: true })
    say({ address: await socket.bind(address) })
    await until(() => socket.subscribers === fifth)
    const before = cpuMs()
    const frames = [undefined]
    for (let i = 0; i < count; i++) {
      frames[0] = messages[i & (ring - 1)]
      while (!socket.send(frames)) await socket.drained()
    }
    await until(() => socket.queued === 0)
    return { cpuMs: cpuMs() - before }
  },

  async subscribe(address) {
    let sum = 0
    let left = count * fifth
    let begun
    await new Promise(resolve => {
      const onBatch = batch => {
        begun ??= process.hrtime.bigint()
        const { buffers, starts, ends, first } = batch
        for (let i = 0; i < batch.count; i++) {
          const at = first[i]
          sum += buffers[at][starts[at]] + ends[at] - starts[at]
        }
        left -= batch.count
        if (left === 0) resolve()
      }
      for (let i = 0; i < fifth; i++) subscriber(address, onBatch)
    })
    return { seconds: Number(process.hrtime.bigint() - begun) / 1e9, sum }
  },

  async announce(address) {
    const socket = new Pub()
    say({ address: await socket.bind(address) })
    await until(() => socket.subscribers === fifth)
    const message = Buffer.alloc(size)
    const tell = () => socket.send([stamp(message, now())])
    tell()
    for await (const _ of lines()) tell()
    return {}
  },

  async listen(address) {
    const trips = new Float64Array(count)
    let done = 0
    let left = fifth
    await new Promise(resolve => {
      const onBatch = batch => {
        left -= batch.count
        if (left > 0) return
        trips[done++] = now() - stampOf(batch.frame(0, 0))
        left = fifth
        if (done === count) resolve()
        else say({ heard: done })
      }
      for (let i = 0; i < fifth; i++) subscriber(address, onBatch)
    })
    return summary(trips)
  },

  async pace(address) {
    const socket = new Push()
    socket.connect(address)
    await paced({ send: message => socket.send([message]), drained: () => socket.drained() })
    return {}
  },

  async time(address) {
    const lateness = new Lateness(count)
    await new Promise(resolve => {
      const socket = new Pull({
        borrow: true,
        onBatch(batch) {
          const at = now()
          const { buffers, starts, first } = batch
          for (let i = 0; i < batch.count; i++) lateness.add(at, buffers[first[i]], starts[first[i]])
          if (lateness.messages === count) resolve()
        },
      })
      socket.bind(address).then(bound => say({ address: bound }))
    })
    return lateness.summary()
  },

  async within(address) {
    let sum = 0
    let left = count
    let begun
    const before = cpuMs()
    await new Promise((resolve, reject) => {
      const pull = new Pull({
        borrow: true,
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
      const push = async () => {
        await pull.bind(address)
        const socket = new Push()
        socket.connect(address)
        const frames = [undefined]
        for (let i = 0; i < count; i++) {
          frames[0] = messages[i & (ring - 1)]
          while (!socket.send(frames)) await socket.drained()
        }
      }
      push().catch(reject)
    })
    return { seconds: Number(process.hrtime.bigint() - begun) / 1e9, sum, cpuMs: cpuMs() - before }
  },

  async hold(address) {
    await hold(async heard => {
      const socket = new Pull({ borrow: true, onBatch: batch => heard(batch.count) })
      return socket.bind(address)
    })
    return {}
  },
})

function subscriber(address, onBatch) {
  const socket = new Sub({ borrow: true, onBatch })
  socket.subscribe(new Uint8Array(0))
  socket.connect(address)
}
