/**
 * The embedded keeper, three voters of it, as a store that the suite of coordinators can try: a register from the first moment,
 * in whose record the suite's own record travels as octets, so that it can be none, or nonsense, as in any other store.
 */

import {
  allRules,
  defaultLogLimits,
  defaultTiming,
  EmbeddedKeeper,
  foundingRecord,
  freshMemory,
  newGenerationId,
  newVoterId,
  remember,
  VoterState,
  type RootRecord as VotersRecord,
} from "../../src/cluster/election/index.ts"
import { MemoryVoteDisk, MemoryVoteFolder } from "../../src/cluster/vote-folder/memory/index.ts"
import {
  Contact,
  type Coordinator,
  type CoordinatorCallOptions,
  type CoordinatorEvent,
  type CoordinatorSupport,
  decodeRootRecord,
  encodeRootRecord,
  type HeldRecord,
  type RecordSight,
  type RecordVersion,
  type RootRecord,
} from "../../src/coordination/index.ts"
import { checkTreeOf, closedCoordinator, conflict, sightOf } from "../../src/coordination/record-call.ts"
import { RecordWatchers } from "../../src/coordination/record-watchers.ts"
import { systemClock, type Timer } from "../../src/core/clock.ts"
import { ZincError } from "../../src/core/errors.ts"
import { Events } from "../../src/core/events.ts"
import { systemRandom } from "../../src/core/random.ts"

const tree = "register"
/** Many may change it at once, and each try costs the others theirs. */
const patienceMs = 15_000
/** How often a watcher looks. */
const lookMs = 10

interface Content {
  /** The suite's octets in base64; absent for none. */
  readonly octets?: string
  /** Tells one writing from others. */
  readonly writing: string
  /** Those before it, the last ones: a change that another completed, and changed in turn, is found there. */
  readonly before: readonly string[]
}

const beforeMax = 64

/** Three voters that keep one record among them. */
export class EmbeddedRegister {
  readonly #keepers: EmbeddedKeeper[] = []
  readonly #states: VoterState[] = []
  #turn = 0
  #writings = 0

  constructor() {
    const entries = [1, 2, 3].map(n => ({ voterId: newVoterId(systemRandom), addresses: [`sim://${n}`] }))
    const content: Content = { writing: "0", before: [] }
    const record: VotersRecord = {
      ...foundingRecord(tree, newGenerationId(systemRandom), entries[0]!),
      voters: entries,
      extra: { content },
    }
    const ballot = { counter: 1, voter: entries[0]!.voterId }
    for (const self of entries) {
      const memory = remember(freshMemory, [
        { type: "record", record },
        { type: "accepted", ballot, record },
      ])
      const storage = new MemoryVoteFolder(new MemoryVoteDisk())
      const state: VoterState = new VoterState({
        tree,
        self,
        clock: systemClock,
        random: systemRandom,
        links: {
          send: (to, { message }) => {
            const at = entries.findIndex(each => each.voterId === to.voterId)
            systemClock.later(() => this.#keepers[at]!.onMessage(self, message as never))
          },
          redial: () => {},
        },
        storage,
        memory,
        keeper: { read: () => {}, compareAndSet: () => {}, watch: () => {} },
        timing: defaultTiming,
        limits: defaultLogLimits,
        rules: allRules,
        listener: () => {},
      })
      this.#states.push(state)
      this.#keepers.push(new EmbeddedKeeper({ state, storage, memory, patienceMs }))
    }
  }

  /** Each coordinator asks another of the voters. */
  next(): EmbeddedKeeper {
    return this.#keepers[this.#turn++ % this.#keepers.length]!
  }

  read(keeper: EmbeddedKeeper): Promise<VotersRecord> {
    return new Promise((resolve, reject) => {
      keeper.read(outcome => {
        if (outcome.type === "read") resolve(outcome.record!)
        else reject(new ZincError("Timeout", "the voters do not agree in time"))
      })
    })
  }

  /** False when another revision is there. */
  change(
    keeper: EmbeddedKeeper,
    from: VotersRecord,
    octets: Uint8Array | undefined,
  ): Promise<VotersRecord | undefined> {
    const { writing, before } = contentOf(from)
    const content: Content = {
      writing: String(++this.#writings),
      before: [writing, ...before].slice(0, beforeMax),
      ...(octets && { octets: Buffer.from(octets).toString("base64") }),
    }
    const next = { ...from, revision: from.revision + 1, extra: { content } }
    return new Promise((resolve, reject) => {
      keeper.compareAndSet(from.revision, next, outcome => {
        if (outcome.type === "set") resolve(next)
        else if (outcome.type === "conflict") resolve(undefined)
        else
          this.read(keeper).then(({ extra }) => {
            const found = extra!.content as Content
            resolve(found.before.includes(content.writing) || found.writing === content.writing ? next : undefined)
          }, reject)
      })
    })
  }

  end(): void {
    for (const state of this.#states) state.end()
  }
}

function contentOf(record: VotersRecord): Content {
  return record.extra!.content as Content
}

function octetsOf(record: VotersRecord): Uint8Array | undefined {
  const { octets } = contentOf(record)
  return octets === undefined ? undefined : new Uint8Array(Buffer.from(octets, "base64"))
}

/** One register per tree. */
export class EmbeddedStore {
  readonly #registers = new Map<string, EmbeddedRegister>()

  register(name: string): EmbeddedRegister {
    let register = this.#registers.get(name)
    if (register === undefined) {
      register = new EmbeddedRegister()
      this.#registers.set(name, register)
    }
    return register
  }

  async put(name: string, octets: Uint8Array | undefined): Promise<void> {
    const register = this.register(name)
    const keeper = register.next()
    while ((await register.change(keeper, await register.read(keeper), octets)) === undefined);
  }
}

export class EmbeddedCoordinator implements Coordinator {
  readonly tree: string
  readonly place = "three voters of this process"
  readonly supports: CoordinatorSupport = { durable: false, shared: false }
  readonly #register: EmbeddedRegister
  readonly #keeper: EmbeddedKeeper
  readonly #watchers = new RecordWatchers()
  readonly #events = new Events<CoordinatorEvent>()
  #contact: Contact = Contact.Connecting
  #timer: Timer | undefined
  #waiting = new Set<(reason: ZincError) => void>()

  constructor(name: string, store: EmbeddedStore) {
    this.tree = name
    this.#register = store.register(name)
    this.#keeper = this.#register.next()
    systemClock.later(() => void this.#look())
  }

  get contact(): Contact {
    return this.#contact
  }

  async read(options: CoordinatorCallOptions = {}): Promise<HeldRecord | undefined> {
    this.#check(options)
    return this.#held(await this.#asked(this.#register.read(this.#keeper)))
  }

  async compareAndSet(
    expected: HeldRecord | undefined,
    next: RootRecord,
    options: CoordinatorCallOptions = {},
  ): Promise<HeldRecord> {
    checkTreeOf(next, this.tree)
    const octets = encodeRootRecord(next)
    this.#check(options)
    const found = await this.#asked(this.#register.read(this.#keeper))
    const same = expected === undefined ? octetsOf(found) === undefined : expected.version === contentOf(found).writing
    const written = same ? await this.#asked(this.#register.change(this.#keeper, found, octets)) : undefined
    if (written === undefined) throw conflict(this.tree, this.place)
    return this.#held(written)!
  }

  watch(listener: (sight: RecordSight) => void): () => void {
    if (this.#contact === Contact.Closed) throw closedCoordinator(this.tree)
    const stop = this.#watchers.add(listener)
    systemClock.later(() => void this.#look())
    return stop
  }

  on(type: "contact", listener: (event: CoordinatorEvent) => void): () => void {
    return this.#events.on(type, listener)
  }

  async close(): Promise<void> {
    if (this.#contact === Contact.Closed) return
    this.#timer?.cancel()
    this.#watchers.clear()
    for (const reject of this.#waiting) reject(closedCoordinator(this.tree))
    this.#tell(Contact.Closed)
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The keeper's own news is a hint and may not come, so whoever watches looks. */
  async #look(): Promise<void> {
    if (this.#contact === Contact.Closed) return
    this.#timer?.cancel()
    const found = await this.#register.read(this.#keeper).catch(() => undefined)
    if ((this.#contact as Contact) === Contact.Closed) return
    if (found !== undefined) {
      this.#tell(Contact.Connected)
      if (octetsOf(found) === undefined) this.#watchers.show("none", { type: "none" })
      else
        this.#watchers.show(
          contentOf(found).writing,
          sightOf(() => this.#held(found)),
        )
    }
    this.#timer?.cancel()
    if (this.#watchers.size > 0) this.#timer = systemClock.after(lookMs, () => void this.#look())
  }

  #held(record: VotersRecord): HeldRecord | undefined {
    const octets = octetsOf(record)
    if (octets === undefined) return undefined
    return { record: decodeRootRecord(octets, this.tree), version: contentOf(record).writing as RecordVersion }
  }

  #asked<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      answer.then(resolve, reject).finally(() => this.#waiting.delete(reject))
    })
  }

  #check(options: CoordinatorCallOptions): void {
    if (this.#contact === Contact.Closed) throw closedCoordinator(this.tree)
    if (options.signal?.aborted) throw new ZincError("Aborted", "the call was aborted")
  }

  #tell(contact: Contact): void {
    if (contact === this.#contact) return
    this.#contact = contact
    this.#events.emit({ type: "contact", contact, reason: "the voters answered, or it was closed" })
  }
}
