/**
 * What every carrier must keep, sentence by sentence of `transport/carrier.ts`.
 *
 *     carrierSuite({ runner: { describe, it }, name: "tcp", open: () => ({ carrier: new TcpCarrier(), … }) })
 */
import assert from "node:assert/strict"
import { concat } from "../../core/bytes.ts"
import type { ByteStream, Carrier, CarrierListener } from "../../transport/carrier.ts"
import type { TestRunner } from "./runner.ts"
import { bytes, latin1, pattern } from "./transport/world.ts"
import { type Settle, Watch } from "./watch.ts"

/** What one test works on. */
export interface CarrierUnderTest {
  readonly carrier: Carrier
  /** An address to listen at, with a wildcard or never given before. */
  address(): string
  /** An address where nobody listens. */
  readonly unreachable: string
  /** Addresses that `listen` and `dial` refuse as `BadAddress`. */
  readonly bad: readonly string[]
  /** Lets virtual time pass. Absent: time is real. */
  readonly settle?: Settle
  /** Called after the test. */
  close?(): Promise<void>
}

export interface CarrierSuiteOptions {
  readonly runner: TestRunner
  readonly name: string
  /** Makes the subject of one test; nothing is shared between tests. */
  open(): CarrierUnderTest | Promise<CarrierUnderTest>
}

const never = new AbortController().signal
/** More than any buffer on the way holds. */
const muchBytes = 24 << 20

export function carrierSuite(options: CarrierSuiteOptions): void {
  const { describe, it } = options.runner
  const test = (name: string, body: (world: CarrierWorld) => Promise<void>) => {
    it(name, async () => CarrierWorld.run(await options.open(), body))
  }

  describe(`carrier ${options.name}`, () => {
    describe("listening", () => {
      test("gives an address that can be dialled", async world => {
        const { listener } = await world.listen()
        assert.match(listener.address, /^[a-z]+:\/\/[^*]+$/)
        assert.ok(world.subject.carrier.schemes.includes(listener.address.split("://")[0]!))
        const stream = await world.dial(listener.address)
        assert.ok(stream.remote.length > 0)
      })

      test("rejects with AddressInUse when the address is taken, and leaves the first alone", async world => {
        const { listener } = await world.listen()
        await assert.rejects(world.listen(listener.address), { code: "AddressInUse" })
        await world.dial(listener.address)
      })

      test("rejects bad addresses with BadAddress", async world => {
        for (const address of world.subject.bad) {
          await assert.rejects(world.listen(address), { code: "BadAddress" }, `listened at ${address}`)
        }
      })

      test("frees the address by close, which may be called again; connections live on", async world => {
        const { listener, accepted } = await world.listen()
        const near = world.start(await world.dial(listener.address))
        await world.until("the accepted stream", () => accepted.length === 1)
        const far = world.start(accepted[0]!)
        await Promise.all([listener.close(), listener.close()])
        await assert.rejects(world.dial(listener.address), { code: "Unreachable" })
        const again = await world.listen(listener.address)
        await world.dial(again.listener.address)
        near.stream.write([bytes("still here")])
        await world.until("what was sent", () => latin1(far.octets()) === "still here")
      })
    })

    describe("dialling", () => {
      test("rejects with Unreachable when nobody listens", async world => {
        await assert.rejects(world.dial(world.subject.unreachable), { code: "Unreachable" })
      })

      test("rejects bad addresses with BadAddress", async world => {
        for (const address of world.subject.bad) {
          await assert.rejects(world.dial(address), { code: "BadAddress" }, `dialled ${address}`)
        }
      })

      test("rejects with Aborted when the signal was aborted before", async world => {
        const { listener, accepted } = await world.listen()
        await assert.rejects(world.dial(listener.address, AbortSignal.abort()), { code: "Aborted" })
        await world.dial(listener.address)
        await world.until("the second dial", () => accepted.length > 0)
        assert.equal(accepted.length, 1)
      })

      test("rejects with Aborted or has connected when the signal aborts on the way", async world => {
        const { listener } = await world.listen()
        const controller = new AbortController()
        const dialled = world.subject.carrier.dial(listener.address, { signal: controller.signal })
        controller.abort()
        try {
          ;(await world.settled("the dial", dialled)).destroy()
        } catch (thrown) {
          assert.equal((thrown as { code?: string }).code, "Aborted")
        }
      })

      test("keeps connections apart", async world => {
        const { listener, accepted } = await world.listen()
        const near: Ear[] = []
        for (let i = 0; i < 5; i++) {
          near.push(world.start(await world.dial(listener.address)))
          await world.until("the accepted stream", () => accepted.length === i + 1)
        }
        const far = accepted.map(stream => world.start(stream))
        for (const [i, ear] of near.entries()) ear.stream.write([bytes(`from ${i}`)])
        await world.until("each its own", () => far.every((ear, i) => latin1(ear.octets()) === `from ${i}`))
      })
    })

    describe("a stream", () => {
      test("carries octets both ways, whole and in order", async world => {
        const { near, far } = await world.pair()
        const up = pattern(3 << 20, 1)
        const down = pattern(5 << 20, 2)
        for (let at = 0; at < up.length; at += 65_537) near.stream.write([up.subarray(at, at + 65_537)])
        for (let at = 0; at < down.length; at += 9_999) far.stream.write([down.subarray(at, at + 9_999)])
        await world.until("everything", () => far.length >= up.length && near.length >= down.length)
        assert.ok(Buffer.compare(far.octets(), up) === 0)
        assert.ok(Buffer.compare(near.octets(), down) === 0)
      })

      test("takes many chunks in one write, in order", async world => {
        const { near, far } = await world.pair()
        near.stream.write(Array.from({ length: 300 }, (_, i) => bytes(`${i},`)))
        near.stream.write([bytes(""), bytes("end")])
        const expected = `${Array.from({ length: 300 }, (_, i) => `${i},`).join("")}end`
        await world.until("everything", () => far.length >= expected.length)
        assert.equal(latin1(far.octets()), expected)
      })

      test("holds what arrives before start", async world => {
        const { listener, accepted } = await world.listen()
        const near = world.start(await world.dial(listener.address))
        near.stream.write([bytes("early")])
        await world.until("the accepted stream", () => accepted.length === 1)
        await world.turns()
        const far = world.start(accepted[0]!)
        await world.until("what came early", () => latin1(far.octets()) === "early")
      })

      test("leaves a chunk to its reader", async world => {
        const { near, far } = await world.pair()
        const sent = pattern(2 << 20)
        for (let at = 0; at < sent.length; at += 4_096) {
          near.stream.write([sent.subarray(at, at + 4_096)])
          if (at % (64 << 10) === 0) await world.until("some of it", () => far.length >= at)
        }
        await world.until("all of it", () => far.length === sent.length)
        // Joined only now: a chunk that was written to again would show.
        assert.ok(Buffer.compare(far.octets(), sent) === 0)
      })

      test("says false when the reader has paused, then that it has drained", async world => {
        const { near, far } = await world.pair()
        far.stream.pause()
        const chunk = pattern(64 << 10)
        let sent = 0
        let full = false
        while (sent < muchBytes) {
          full = !world.call(() => near.stream.write([chunk]))
          sent += chunk.length
        }
        assert.equal(full, true, `${muchBytes} octets were taken though nobody reads`)
        await world.until("some of it to wait", () => near.stream.waiting > 0)
        assert.ok(far.length < sent)
        assert.equal(near.drained, 0)
        world.call(() => far.stream.resume())
        await world.until("everything", () => far.length === sent)
        await world.until("word that it drained", () => near.drained > 0)
        assert.equal(near.stream.waiting, 0)
        const octets = far.octets()
        for (let at = 0; at < sent; at += chunk.length) {
          assert.ok(Buffer.compare(octets.subarray(at, at + chunk.length), chunk) === 0)
        }
      })

      test("reads nothing while it has paused", async world => {
        const { near, far } = await world.pair()
        near.stream.write([bytes("before")])
        await world.until("what came before", () => far.length === 6)
        world.call(() => far.stream.pause())
        near.stream.write([bytes("held")])
        await world.turns()
        assert.equal(latin1(far.octets()), "before")
        world.call(() => far.stream.resume())
        await world.until("what was held", () => latin1(far.octets()) === "beforeheld")
      })

      test("pauses and resumes as often as one likes", async world => {
        const { near, far } = await world.pair()
        for (let i = 0; i < 20; i++) {
          far.stream.pause()
          far.stream.pause()
          near.stream.write([bytes("x")])
          far.stream.resume()
          far.stream.resume()
          await world.until("the octet", () => far.length === i + 1)
        }
      })

      test("sends what waits before it ends; both hear the end once, without error", async world => {
        const { near, far } = await world.pair()
        const sent = pattern(6 << 20)
        far.stream.pause()
        near.stream.write([sent])
        world.call(() => near.stream.end())
        assert.equal(near.stream.write([bytes("too late")]), false)
        far.stream.resume()
        await world.until("both ends", () => near.closed.length === 1 && far.closed.length === 1)
        assert.ok(Buffer.compare(far.octets(), sent) === 0)
        assert.deepEqual([near.closed, far.closed], [[undefined], [undefined]])
      })

      test("closes at once by destroy, and both hear it once", async world => {
        const { near, far } = await world.pair()
        near.stream.write([bytes("x")])
        await world.until("the octet", () => far.length === 1)
        world.call(() => near.stream.destroy())
        await world.until("both ends", () => near.closed.length === 1 && far.closed.length === 1)
      })

      test("drops by destroy what waits", async world => {
        const { near, far } = await world.pair()
        far.stream.pause()
        const chunk = pattern(1 << 20)
        for (let sent = 0; sent < muchBytes; sent += chunk.length) near.stream.write([chunk])
        near.stream.destroy()
        far.stream.resume()
        await world.until("both ends", () => near.closed.length === 1 && far.closed.length === 1)
        assert.ok(far.length < muchBytes, "everything arrived in spite of the destroy")
      })

      test("bears every call after its close, and takes nothing", async world => {
        for (const close of ["end", "destroy"] as const) {
          const { near, far } = await world.pair()
          near.stream[close]()
          await world.until("both ends", () => near.closed.length === 1 && far.closed.length === 1)
          for (const { stream } of [near, far]) {
            assert.equal(stream.write([bytes("x")]), false)
            stream.pause()
            stream.resume()
            stream.end()
            stream.destroy()
            stream.end()
            assert.equal(stream.waiting, 0)
          }
          await world.turns()
          assert.deepEqual([near.closed.length, far.closed.length], [1, 1])
        }
      })

      test("tells of an end that came before start", async world => {
        const { listener, accepted } = await world.listen()
        const near = world.start(await world.dial(listener.address))
        await world.until("the accepted stream", () => accepted.length === 1)
        near.stream.write([bytes("last words")])
        near.stream.end()
        await world.until("the near end", () => near.closed.length === 1 || near.stream.waiting === 0)
        const far = world.start(accepted[0]!)
        await world.until("the end", () => far.closed.length === 1)
        assert.equal(latin1(far.octets()), "last words")
      })

      test("may be closed from inside its callbacks", async world => {
        for (const close of ["end", "destroy"] as const) {
          const { near, far } = await world.pair()
          far.onBytes = () => far.stream[close]()
          near.stream.write([bytes("x")])
          await world.until("both ends", () => near.closed.length === 1 && far.closed.length === 1)
        }
      })
    })
  })
}

/** What a stream told. */
interface Ear {
  readonly stream: ByteStream
  readonly chunks: Uint8Array[]
  length: number
  drained: number
  /** One entry for each `onClose`. */
  readonly closed: (Error | undefined)[]
  onBytes?: () => void
  octets(): Uint8Array
}

class CarrierWorld {
  readonly subject: CarrierUnderTest
  readonly #watch: Watch
  readonly #listeners: CarrierListener[] = []
  readonly #streams: ByteStream[] = []
  readonly #wrongs: string[] = []
  #calls = 0

  constructor(subject: CarrierUnderTest) {
    this.subject = subject
    this.#watch = new Watch(subject.settle)
  }

  static async run(subject: CarrierUnderTest, test: (world: CarrierWorld) => Promise<void>): Promise<void> {
    const world = new CarrierWorld(subject)
    try {
      await test(world)
      assert.deepEqual(world.#wrongs, [])
    } finally {
      for (const stream of world.#streams) stream.destroy()
      for (const listener of world.#listeners) await listener.close()
      await subject.close?.()
    }
  }

  until(what: string, condition: () => boolean): Promise<void> {
    return this.#watch.until(what, condition)
  }

  settled<T>(what: string, promise: Promise<T>): Promise<T> {
    return this.#watch.settled(what, promise)
  }

  call<T>(action: () => T): T {
    this.#calls++
    try {
      return action()
    } finally {
      this.#calls--
    }
  }

  async listen(address: string = this.subject.address()) {
    const accepted: ByteStream[] = []
    const listening = this.subject.carrier.listen(address, stream => {
      accepted.push(stream)
      this.#streams.push(stream)
      this.#watch.poke()
    })
    const listener = await this.settled(`listening at ${address}`, listening)
    this.#listeners.push(listener)
    return { listener, accepted }
  }

  async dial(address: string, signal: AbortSignal = never): Promise<ByteStream> {
    const stream = await this.settled(`dialling ${address}`, this.subject.carrier.dial(address, { signal }))
    this.#streams.push(stream)
    return stream
  }

  /** Two ends of one connection, started. */
  async pair(): Promise<{ readonly near: Ear; readonly far: Ear }> {
    const { listener, accepted } = await this.listen()
    const near = this.start(await this.dial(listener.address))
    await this.until("the accepted stream", () => accepted.length === 1)
    return { near, far: this.start(accepted[0]!) }
  }

  start(stream: ByteStream): Ear {
    const ear: Ear = {
      stream,
      chunks: [],
      length: 0,
      drained: 0,
      closed: [],
      octets: () => concat(ear.chunks),
    }
    const told = (callback: string) => {
      if (ear.closed.length > 0) this.#wrongs.push(`${callback} after onClose`)
      if (this.#calls > 0) this.#wrongs.push(`${callback} from inside a call to a stream`)
    }
    this.call(() =>
      stream.start({
        onBytes: chunk => {
          told("onBytes")
          ear.chunks.push(chunk)
          ear.length += chunk.length
          ear.onBytes?.()
          this.#watch.poke()
        },
        onDrain: () => {
          told("onDrain")
          ear.drained++
          this.#watch.poke()
        },
        onClose: error => {
          told("onClose")
          ear.closed.push(error)
          this.#watch.poke()
        },
      }),
    )
    return ear
  }

  /** Lets a bystander's octets go forth thrice, so that whatever was under way has had its time. */
  async turns(): Promise<void> {
    const { near, far } = await this.pair()
    for (let round = 1; round <= 3; round++) {
      near.stream.write([bytes("x")])
      await this.until("a bystander's octet", () => far.length === round)
    }
  }
}
