/** A tree of a test's own, and what it opens there. */
import assert from "node:assert/strict"
import { newEndpointId } from "../../../core/id.ts"
import { SeededRandom, systemRandom } from "../../../core/random.ts"
import type { Discovery } from "../../../discovery/discovery.ts"
import type { AnnouncedHost, HostRecord } from "../../../discovery/host-record.ts"
import { hasCode } from "../coordinator/scene.ts"
import { Watch } from "../watch.ts"
import type { DiscoverySuiteOptions } from "./options.ts"

export type HostSceneTest = (name: string, body: (scene: HostScene) => Promise<void>) => void

/** Anything real may take this long on a busy machine; it is never waited for in vain. */
export const patienceMs = 18_000

export class HostScene {
  readonly tree: string
  readonly options: DiscoverySuiteOptions
  readonly watch: Watch = new Watch()
  readonly #opened: Discovery[] = []

  constructor(options: DiscoverySuiteOptions, tree: string) {
    this.options = options
    this.tree = tree
  }

  async open(tree: string = this.tree): Promise<Discovery> {
    return this.owned(await this.options.open(tree))
  }

  owned(discovery: Discovery): Discovery {
    this.#opened.push(discovery)
    return discovery
  }

  host(name: string, changes: Partial<AnnouncedHost> = {}): AnnouncedHost {
    const id = newEndpointId(new SeededRandom(systemRandom.u32()))
    return {
      addresses: [`tcp://${name.replaceAll(" ", "-")}.example:7700`, "ipc:///run/zinc.sock"],
      id,
      name,
      ...changes,
    }
  }

  /** All a watcher hears, and a way to wait for it. */
  sights(discovery: Discovery): HostSights {
    return new HostSights(this, discovery)
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    await this.watch.until(what, condition, patienceMs)
  }

  /** Looks again and again: what finds hosts on a LAN may need a moment. */
  async finds(discovery: Discovery, hosts: readonly HostRecord[]): Promise<void> {
    const endAt = performance.now() + patienceMs
    let found: readonly HostRecord[] = []
    do {
      try {
        found = await discovery.find()
      } catch (error) {
        // While the source only just comes back.
        hasCode("Unreachable", "Timeout", "PeerLost")(error)
      }
    } while (idsOf(found) !== idsOf(hosts) && performance.now() < endAt)
    assert.deepEqual(inOrder(found), inOrder(hosts))
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map(each => each.close()))
  }
}

export class HostSights {
  readonly all: (readonly HostRecord[])[] = []
  readonly stop: () => void
  readonly #scene: HostScene

  constructor(scene: HostScene, discovery: Discovery) {
    this.#scene = scene
    this.stop = discovery.watch(hosts => {
      this.all.push(hosts)
      scene.watch.poke()
    })
  }

  get last(): readonly HostRecord[] | undefined {
    return this.all.at(-1)
  }

  async see(...hosts: HostRecord[]): Promise<void> {
    const names = hosts.map(each => each.name ?? each.addresses[0]).join(", ")
    await this.#scene.until(`a watcher to see ${names || "nobody"}`, () => {
      const { last } = this
      return last !== undefined && JSON.stringify(inOrder(last)) === JSON.stringify(inOrder(hosts))
    })
  }
}

function idsOf(hosts: readonly HostRecord[]): string {
  return inOrder(hosts)
    .map(host => host.id)
    .join()
}

export function inOrder(hosts: readonly HostRecord[]): HostRecord[] {
  return [...hosts]
    .map(({ addresses, id, name, generation, epoch, depth, free }) => ({
      addresses,
      ...(id === undefined ? {} : { id }),
      ...(name === undefined ? {} : { name }),
      ...(generation === undefined ? {} : { generation }),
      ...(epoch === undefined ? {} : { epoch }),
      ...(depth === undefined ? {} : { depth }),
      ...(free === undefined ? {} : { free }),
    }))
    .sort((a, b) => ((a.id ?? a.addresses[0]!) < (b.id ?? b.addresses[0]!) ? -1 : 1))
}
