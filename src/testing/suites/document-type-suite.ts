/**
 * What every document type must keep, over bare replicas: no network, no endpoint.
 *
 *     documentTypeSuite({ runner: { describe, it }, name: "text", type: text, edit: (view, random) => … })
 */

import assert from "node:assert/strict"
import { ZincError } from "../../core/errors.ts"
import { silentLogger } from "../../core/logger.ts"
import { type Random, SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import type { DocumentHandle } from "../../document/document-handle.ts"
import type { DocumentType, Replica } from "../../document/document-type.ts"
import type { Presence } from "../../document/presence.ts"
import type { TestRunner } from "./runner.ts"

export interface DocumentTypeSuiteOptions<View extends DocumentHandle> {
  readonly runner: TestRunner
  readonly name: string
  readonly type: DocumentType<View>
  /** Makes one small change that adds something, drawn from `random`. */
  readonly edit: (view: View, random: Random) => void
  /** Takes something away; does nothing on an empty document. */
  readonly remove: (view: View, random: Random) => void
  readonly undo: (view: View) => boolean
  readonly redo: (view: View) => boolean
}

export function documentTypeSuite<View extends DocumentHandle>(options: DocumentTypeSuiteOptions<View>): void {
  const { type, edit, remove } = options
  const { describe, it } = options.runner

  class Copy {
    readonly clock = new SimulatedClock()
    readonly random: SeededRandom
    readonly replica: Replica<View>
    readonly view: View
    constructor(seed: number, state?: Uint8Array) {
      this.random = new SeededRandom(seed)
      this.replica = type.open(state, { random: this.random, clock: this.clock, logger: silentLogger })
      this.replica.keepUndo()
      this.view = this.replica.view(new BareHandle(this.replica))
    }
    edit(times = 1): void {
      for (let i = 0; i < times; i++) edit(this.view, this.random)
    }
    remove(): void {
      remove(this.view, this.random)
    }
    /** One fragment of all that was done here since last time. */
    take(): Uint8Array {
      const fragment = this.replica.gather()
      assert.ok(fragment, "there were changes, but nothing to gather")
      this.replica.settle()
      return fragment
    }
  }

  const same = (...copies: Copy[]) => {
    for (const copy of copies) {
      assert.deepEqual(copy.replica.snapshot(), copies[0]!.replica.snapshot())
      assert.deepEqual(copy.replica.version(), copies[0]!.replica.version())
    }
  }

  describe(`document type ${options.name}`, () => {
    it("has a name and an order", () => {
      assert.ok(type.name.length >= 1 && type.name.length <= 64)
      assert.ok(type.order === "commutative" || type.order === "sequenced")
      assert.equal(type.rules !== undefined, type.order === "sequenced")
    })

    it("opens empty replicas that are equal, with nothing pending", () => {
      const [a, b] = [new Copy(1), new Copy(2)]
      same(a, b)
      assert.equal(a.replica.pending, false)
      assert.equal(a.replica.gather(), undefined)
      assert.equal(a.replica.diff(b.replica.version()), undefined)
      assert.equal(a.replica.covers(b.replica.version()), true)
    })

    it("gathers all local changes as one fragment that brings another replica up", () => {
      const [a, b] = [new Copy(1), new Copy(2)]
      a.edit(20)
      a.remove()
      assert.equal(a.replica.pending, true)
      const applied = b.replica.apply([a.take()])
      assert.deepEqual(applied, { changed: true, premature: false, refused: 0 })
      assert.equal(a.replica.pending, false)
      assert.equal(b.replica.pending, false, "what came from elsewhere is not a local change")
      same(a, b)
    })

    it("keeps what was gathered pending until it is settled", () => {
      const [a, b] = [new Copy(1), new Copy(2)]
      a.edit()
      a.replica.gather()
      a.edit()
      b.replica.apply([a.take()])
      same(a, b)
    })

    it("says which changes are local", () => {
      const [a, b] = [new Copy(1), new Copy(2)]
      const heard: string[] = []
      const stop = b.replica.onChange(source => heard.push(source))
      a.edit()
      const fragment = a.take()
      b.replica.apply([fragment])
      b.edit()
      assert.deepEqual(heard, ["remote", "local"])
      stop()
      b.edit()
      assert.equal(heard.length, 2)
    })

    it("applies a whole arrival as one change", () => {
      const [a, b] = [new Copy(1), new Copy(2)]
      const fragments: Uint8Array[] = []
      for (let i = 0; i < 10; i++) {
        a.edit()
        fragments.push(a.take())
      }
      let changes = 0
      b.replica.onChange(() => changes++)
      b.replica.apply(fragments)
      assert.equal(changes, 1)
      same(a, b)
    })

    it("is not changed by what it has", () => {
      const [a, b] = [new Copy(1), new Copy(2)]
      a.edit(3)
      const fragment = a.take()
      b.replica.apply([fragment])
      const before = b.replica.version()
      assert.deepEqual(b.replica.apply([fragment, fragment]), { changed: false, premature: false, refused: 0 })
      assert.deepEqual(b.replica.version(), before)
    })

    it("opens from a state, and applies one", () => {
      const a = new Copy(1)
      a.edit(30)
      a.remove()
      const b = new Copy(2, a.replica.state())
      const c = new Copy(3)
      c.replica.apply([a.replica.state()])
      same(a, b, c)
      assert.equal(b.replica.pending, false)
      b.edit()
      a.replica.apply([b.take()])
      same(a, b)
    })

    it("sends only what the other lacks, both ways", () => {
      const [a, b] = [new Copy(1), new Copy(2)]
      a.edit(200)
      b.replica.apply([a.take()])
      a.edit()
      b.edit()
      const forB = a.replica.diff(b.replica.version())!
      const forA = b.replica.diff(a.replica.version())!
      assert.ok(forB.length < a.replica.state().length / 2, "the difference is as large as the state")
      b.replica.apply([forB])
      a.replica.apply([forA])
      same(a, b)
      assert.equal(a.replica.diff(b.replica.version()), undefined)
    })

    it("notices a difference that is a removal only", () => {
      const [a, b] = [new Copy(1), new Copy(2)]
      a.edit(20)
      b.replica.apply([a.take()])
      a.remove()
      assert.notDeepEqual(a.replica.version(), b.replica.version())
      assert.equal(b.replica.covers(a.replica.version()), false)
      const difference = a.replica.diff(b.replica.version())
      assert.ok(difference, "the removal was not seen")
      b.replica.apply([difference])
      same(a, b)
    })

    it("holds back what came too early, says so, and lets it go", () => {
      const [a, b, c] = [new Copy(1), new Copy(2), new Copy(3)]
      a.edit()
      const first = a.take()
      a.edit()
      const second = a.take()
      assert.equal(b.replica.apply([second]).premature, true)
      assert.equal(b.replica.apply([first]).premature, false)
      same(a, b)
      assert.equal(c.replica.apply([second]).premature, true)
      c.replica.dropPremature()
      assert.equal(c.replica.apply([first]).premature, false)
      c.replica.apply([a.replica.diff(c.replica.version())!])
      same(a, c)
    })

    it("converges in any order of arrival", () => {
      for (let seed = 1; seed <= 20; seed++) {
        const random = new SeededRandom(seed)
        const copies = [1, 2, 3, 4].map(n => new Copy(seed * 10 + n))
        const inbox: Uint8Array[][] = copies.map(() => [])
        for (let round = 0; round < 30; round++) {
          const writer = random.below(copies.length)
          const copy = copies[writer]!
          if (random.below(3) === 0) copy.remove()
          else copy.edit(1 + random.below(3))
          if (copy.replica.pending) {
            const fragment = copy.take()
            for (const [n, box] of inbox.entries()) if (n !== writer) box.push(fragment)
          }
          const reader = random.below(copies.length)
          const box = inbox[reader]!
          if (random.below(2) === 0 && box.length > 0) {
            const some = box.splice(random.below(box.length), 1 + random.below(3))
            copies[reader]!.replica.apply(some)
          }
        }
        for (const [n, box] of inbox.entries()) copies[n]!.replica.apply(box.reverse())
        // Applying may tidy up, which is a local change like any other.
        for (const from of copies) for (const to of copies) to.replica.apply([from.replica.state()])
        same(...copies)
      }
    })

    it("takes back only what was done here, and makes it again", () => {
      const [a, b] = [new Copy(1), new Copy(2)]
      a.edit()
      b.replica.apply([a.take()])
      const withA = b.replica.snapshot()
      b.edit()
      a.replica.apply([b.take()])
      const withBoth = a.replica.snapshot()
      assert.equal(options.undo(b.view), true)
      assert.deepEqual(b.replica.snapshot(), withA)
      assert.equal(options.undo(b.view), false, "the edit of the other one was taken back")
      a.replica.apply([b.take()])
      same(a, b)
      assert.equal(options.redo(b.view), true)
      assert.deepEqual(b.replica.snapshot(), withBoth)
      a.replica.apply([b.take()])
      same(a, b)
    })

    it("makes one step of undo of edits close in time, and several of others", () => {
      const a = new Copy(1)
      const empty = a.replica.snapshot()
      a.edit(3)
      const three = a.replica.snapshot()
      a.clock.advance(5_000)
      a.edit()
      options.undo(a.view)
      assert.deepEqual(a.replica.snapshot(), three)
      options.undo(a.view)
      assert.deepEqual(a.replica.snapshot(), empty)
    })

    it("draws every identity from the chance it is given", () => {
      const [a, b, c] = [new Copy(5), new Copy(5), new Copy(6)]
      for (const copy of [a, b, c]) copy.edit(5)
      assert.deepEqual(a.replica.state(), b.replica.state())
      assert.notDeepEqual(a.replica.version(), c.replica.version())
    })

    it("refuses octets that are no fragment, and applies the others", () => {
      const [a, b] = [new Copy(1), new Copy(2)]
      a.edit(5)
      const fragment = a.take()
      const applied = b.replica.apply([new Uint8Array([255, 255, 255]), fragment, new Uint8Array(0)])
      assert.equal(applied.refused, 2)
      assert.equal(applied.changed, true)
      same(a, b)
    })

    it("survives its own fragments cut short and bent, and converges afterwards", () => {
      const random = new SeededRandom(99)
      const a = new Copy(1)
      a.edit(20)
      const fragment = a.take()
      for (let i = 0; i < 300; i++) {
        const b = new Copy(1_000 + i)
        const bent = fragment.slice(0, 1 + random.below(fragment.length))
        b.replica.apply([bent])
        b.replica.dropPremature()
        b.replica.apply([fragment])
        assert.deepEqual(b.replica.snapshot(), a.replica.snapshot())
      }
      for (let i = 0; i < 300; i++) {
        const b = new Copy(2_000 + i)
        const bent = fragment.slice()
        for (let n = 1 + random.below(3); n > 0; n--) bent[random.below(bent.length)] = random.below(256)
        b.replica.apply([bent])
        b.replica.version()
        b.replica.state()
      }
    })

    it("throws BadPayload for a state or a version that is none", () => {
      const a = new Copy(1)
      a.edit()
      for (const bytes of [new Uint8Array(0), new Uint8Array([1, 2, 3]), new Uint8Array(9).fill(255)]) {
        assert.throws(() => a.replica.diff(bytes), isBadPayload)
        assert.throws(() => a.replica.covers(bytes), isBadPayload)
      }
      assert.throws(() => new Copy(2, new Uint8Array([255, 255, 255])), isBadPayload)
    })

    it("closes", () => {
      const a = new Copy(1)
      a.edit()
      a.replica.close()
    })
  })
}

function isBadPayload(thrown: unknown): boolean {
  return ZincError.is(thrown) && thrown.code === "BadPayload"
}

/** A handle of a document that is on no network. */
class BareHandle implements DocumentHandle {
  readonly name = "bare"
  readonly state = "offline"
  readonly synchronized = false
  readonly presence: Presence = { set: () => {}, others: [], onChange: () => () => {}, onClose: () => () => {} }
  readonly #replica: Replica
  constructor(replica: Replica) {
    this.#replica = replica
  }
  version(): Uint8Array {
    return this.#replica.version()
  }
  async acknowledged(): Promise<void> {}
  on(): () => void {
    return () => {}
  }
  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}
