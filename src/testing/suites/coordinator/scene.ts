/** A tree of a test's own, and what it opens there. */
import assert from "node:assert/strict"
import type { Coordinator, HeldRecord, RecordSight } from "../../../coordination/coordinator.ts"
import type { RootRecord } from "../../../coordination/root-record.ts"
import { ZincError } from "../../../core/errors.ts"
import { newEndpointId } from "../../../core/id.ts"
import { systemRandom } from "../../../core/random.ts"
import { Watch } from "../watch.ts"
import type { CoordinatorSuiteOptions } from "./options.ts"

export type SceneTest = (name: string, body: (scene: Scene) => Promise<void>) => void

/** Anything real may take this long on a busy machine; it is never waited for in vain. */
export const patienceMs = 15_000

export class Scene {
  readonly tree: string
  readonly options: CoordinatorSuiteOptions
  readonly watch: Watch = new Watch()
  readonly #opened: Coordinator[] = []
  readonly #generation = newEndpointId(systemRandom)

  constructor(options: CoordinatorSuiteOptions, tree: string) {
    this.options = options
    this.tree = tree
  }

  async open(tree: string = this.tree): Promise<Coordinator> {
    return this.owned(await this.options.open(tree))
  }

  owned(coordinator: Coordinator): Coordinator {
    this.#opened.push(coordinator)
    return coordinator
  }

  put(bytes: Uint8Array | undefined): Promise<void> {
    return this.options.put(this.tree, bytes)
  }

  /** A record of this tree; always the same generation unless asked for another. */
  record(epoch: number, changes: Partial<RootRecord> = {}): RootRecord {
    return {
      tree: this.tree,
      generation: this.#generation,
      revision: epoch,
      epoch,
      root: {
        voterId: newEndpointId(systemRandom),
        id: newEndpointId(systemRandom),
        name: `root ${epoch}`,
        addresses: [`tcp://10.0.0.${epoch % 250}:7700`],
      },
      voters: [{ voterId: newEndpointId(systemRandom), name: "é", addresses: [], direct: true }],
      ...changes,
    }
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    await this.watch.until(what, condition, patienceMs)
  }

  /** All a watcher sees, and a way to wait for it. */
  sights(coordinator: Coordinator): Sights {
    return new Sights(this, coordinator)
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map(each => each.close()))
  }
}

export class Sights {
  readonly all: RecordSight[] = []
  readonly stop: () => void
  readonly #scene: Scene

  constructor(scene: Scene, coordinator: Coordinator) {
    this.#scene = scene
    this.stop = coordinator.watch(sight => {
      this.all.push(sight)
      scene.watch.poke()
    })
  }

  get last(): RecordSight | undefined {
    return this.all.at(-1)
  }

  get epochs(): number[] {
    return this.all.flatMap(sight => (sight.type === "held" ? [sight.held.record.epoch] : []))
  }

  async see(type: RecordSight["type"]): Promise<void> {
    await this.#scene.until(`a watcher to see "${type}"`, () => this.last?.type === type)
  }

  async seeEpoch(epoch: number): Promise<void> {
    await this.#scene.until(`a watcher to see epoch ${epoch}`, () => {
      const { last } = this
      return last?.type === "held" && last.held.record.epoch === epoch
    })
  }
}

export function hasCode(...codes: string[]): (thrown: unknown) => boolean {
  return thrown => {
    if (ZincError.is(thrown) && codes.includes(thrown.code)) return true
    throw thrown
  }
}

export function sameHeld(a: HeldRecord | undefined, b: HeldRecord): void {
  assert.deepEqual(a, b)
}
