/**
 * What the endpoints of a swarm do all day: send on several topics, ask each other, write to each other, follow topics
 * and leave them again. Each acts on its own machine's clock, so a paused one does nothing.
 */
import type { SeededRandom } from "../../core/random.ts"
import type { Handling, Message } from "../../endpoint/api.ts"
import { DirectLedger } from "./direct-ledger.ts"
import { Ledger, type Subscription } from "./ledger.ts"
import type { Topology } from "./topology.ts"
import type { Life, World } from "./world.ts"

export interface WorkloadPlan {
  /** Mean time between two acts of one endpoint, in milliseconds. */
  readonly paceMs: number
  readonly nearestTopics: number
  readonly orderedTopics: number
  /** Shares of the acts; what is left are plain sends. */
  readonly acknowledged: number
  readonly requests: number
  readonly directs: number
  readonly subscriptions: number
  /** Most sends in one act. */
  readonly burst: number
  /** Octets of padding in some messages. */
  readonly paddingBytes: number
  /** A tree with voters: everybody follows everything, and ordered topics may refuse. Default false. */
  readonly voters?: boolean
}

export interface WorkloadCounts {
  readonly sends: number
  readonly deliveries: number
  readonly gapMessages: number
  readonly acknowledged: number
  readonly requests: number
  readonly answered: number
  readonly directs: number
  /** Ordered sends that found no authority (R6). */
  readonly refused?: number
  readonly lostReplicated?: number
  readonly passedByReplicated?: number
  readonly lostRooted?: number
  /** Deliveries that a new reign took back. */
  readonly takenBack?: number
}

/** Every seed its own. */
export function drawWorkload(random: SeededRandom): WorkloadPlan {
  return {
    paceMs: 100 + random.below(300),
    nearestTopics: 1 + random.below(3),
    orderedTopics: random.below(3),
    acknowledged: random.below(2) * 0.2,
    requests: random.below(2) * 0.15,
    directs: random.below(2) * 0.15,
    subscriptions: random.below(2) * 0.08,
    burst: 1 + random.below(3) ** 2,
    paddingBytes: random.below(4) === 0 ? 20_000 : 0,
  }
}

interface Act {
  readonly life: Life
  readonly random: SeededRandom
  /** Followed from the opening to the end. */
  readonly steady: Subscription[]
  /** Followed for a while, by topic. */
  readonly passing: Map<string, { readonly subscription: Subscription; readonly handling: Handling }>
}

export class Workload {
  readonly ledger: Ledger
  readonly directs: DirectLedger
  readonly topics: readonly string[]
  readonly #world: World
  readonly #plan: WorkloadPlan
  #running = true
  #refused = 0

  constructor(
    world: World,
    plan: WorkloadPlan,
    hostLost: () => boolean,
    topology: Pick<Topology, "root" | "parentOf">,
  ) {
    this.#world = world
    this.#plan = plan
    this.ledger = new Ledger(world, { hostLost, ...(plan.voters === true ? { voters: true } : {}) })
    this.directs = new DirectLedger(world, { hostLost, topology })
    this.topics = [
      ...Array.from({ length: plan.nearestTopics }, (_, i) => `n.${i}`),
      ...Array.from({ length: plan.orderedTopics }, (_, i) => `o.${i}`),
    ]
  }

  /** Puts a newly opened endpoint to work. */
  employ(life: Life): void {
    const act: Act = { life, random: this.#world.random.fork(), steady: [], passing: new Map() }
    const endpoint = life.endpoint!
    // The host follows everything, so that the ledger knows what a root has. Clients follow at least the first topic.
    const followsAll = this.#plan.voters === true || life.role === "host" || act.random.below(2) === 0
    const followed = followsAll ? this.topics : this.topics.slice(0, 1)
    if (followed.length === this.topics.length && act.random.below(3) === 0) {
      for (const pattern of ["n.*", "o.*"]) this.#follow(act, pattern)
    } else for (const topic of followed) this.#follow(act, topic)
    endpoint.handle("ask.*", message => this.directs.serve(life, message))
    endpoint.handle("tell", message => this.directs.received(life, message))
    this.#next(act)
  }

  /** No new acts from now on. */
  stop(): void {
    this.#running = false
  }

  /** Call when all is quiet. */
  judge(): void {
    this.ledger.judge()
    this.directs.judge()
    for (const life of this.#world.living) {
      const waiting = this.ledger.waiting(life)
      if (waiting > 0)
        this.#world.journal.violated("acknowledgement", `${waiting} acknowledged sends of ${life.label} never settled`)
    }
  }

  get counts(): WorkloadCounts {
    const { ledger, directs } = this
    return {
      sends: ledger.sends,
      deliveries: ledger.deliveries,
      gapMessages: ledger.gapMessages,
      acknowledged: ledger.acknowledged,
      requests: directs.asked,
      answered: directs.answered,
      directs: directs.heard,
      ...(this.#plan.voters === true
        ? {
            refused: this.#refused,
            lostReplicated: ledger.losses.replicated,
            passedByReplicated: ledger.losses.passedBy,
            lostRooted: ledger.losses.rooted,
            takenBack: ledger.losses.voided,
          }
        : {}),
    }
  }

  /** Every living endpoint sends once more on every topic, so that whatever is missing before it shows. */
  lastWords(): void {
    for (const life of this.#world.living) {
      for (const topic of this.topics) if (life.endpoint?.state === "open") this.#send(life, topic, 0)
    }
  }

  #follow(act: Act, pattern: string): void {
    const { life } = act
    const handling = life.endpoint!.handle(pattern, message => this.ledger.received(subscription, message))
    const subscription = this.ledger.subscribed(life, pattern, handling.ready)
    act.steady.push(subscription)
  }

  #next(act: Act): void {
    const wait = this.#plan.paceMs * 2 * act.random.float()
    act.life.clock.after(wait, () => {
      if (!this.#running || !act.life.alive || act.life.endpoint?.state !== "open") return
      this.#act(act)
      this.#next(act)
    })
  }

  #act(act: Act): void {
    const { random, life } = act
    const plan = this.#plan
    const topic = this.topics[random.below(this.topics.length)]!
    const chosen = choose(random, [plan.acknowledged, plan.requests, plan.directs, plan.subscriptions])
    if (chosen === 0) this.#sendAcknowledged(life, topic)
    else if (chosen === 1) this.directs.ask(life, this.#other(act), random)
    else if (chosen === 2) this.directs.tell(life, this.#other(act))
    else if (chosen === 3) this.#turn(act, topic)
    else this.#sendSome(life, topic, random)
  }

  #sendSome(life: Life, topic: string, random: SeededRandom): void {
    const plan = this.#plan
    const count = 1 + random.below(plan.burst)
    const padding = random.below(8) === 0 ? plan.paddingBytes : 0
    for (let i = 0; i < count; i++) this.#send(life, topic, padding)
  }

  #other(act: Act): Life {
    const { lives } = this.#world
    const others = this.#world.living.filter(life => life !== act.life)
    // Now and then somebody who is gone.
    if (others.length === 0 || act.random.below(20) === 0) return lives[act.random.below(lives.length)]!
    return others[act.random.below(others.length)]!
  }

  #send(life: Life, topic: string, padding: number): void {
    const message = this.ledger.next(life, topic)
    const value = padding === 0 ? message : { ...message, padding: "x".repeat(padding) }
    try {
      if (life.endpoint!.send(topic, value, { route: routeOf(topic) })) this.ledger.sent(life, topic, message)
    } catch (thrown) {
      if (!this.#isRefusal(thrown, topic)) throw thrown
    }
  }

  /** Has that machine send once, outside of its turn. What became of it: undefined when nobody is there. */
  trySend(name: string, topic: string): "sent" | "NoAuthority" | undefined {
    const life = this.#world.life(name)
    if (life?.endpoint?.state !== "open") return undefined
    const before = this.#refused
    const sends = this.ledger.sends
    this.#send(life, topic, 0)
    if (this.#refused > before) return "NoAuthority"
    return this.ledger.sends > sends ? "sent" : undefined
  }

  /** Where there is no majority of the voters, ordered topics take nothing, and say so. */
  #isRefusal(thrown: unknown, topic: string): boolean {
    const isRefusal =
      this.#plan.voters === true && routeOf(topic) === "ordered" && (thrown as { code?: string }).code === "NoAuthority"
    if (isRefusal) this.#refused++
    return isRefusal
  }

  #sendAcknowledged(life: Life, topic: string): void {
    const message = this.ledger.next(life, topic)
    const endpoint = life.endpoint!
    const before = endpoint.statistics.sent
    const unwanted = new AbortController()
    const route = routeOf(topic)
    const ack = this.#plan.voters === true && route === "ordered" ? "replicated" : "rooted"
    const outcome = endpoint.send(topic, message, { route, ack, signal: unwanted.signal })
    if (endpoint.statistics.sent === before) {
      // No room: it waits, and would get a later number than it carries. Take it back.
      unwanted.abort()
      outcome.catch(thrown => this.#isRefusal(thrown, topic))
      this.#world.journal.note(life.label, "had no room for", topic, message.n)
      return
    }
    this.ledger.sent(life, topic, message)
    this.ledger.expectAcknowledgement(life, topic, message, outcome)
  }

  /** Follows the topic for a while, or leaves it. */
  #turn(act: Act, topic: string): void {
    const passing = act.passing.get(topic)
    if (passing === undefined) {
      if (act.life.role === "host") return
      const handling = act.life.endpoint!.handle(topic, (message: Message) =>
        this.ledger.received(subscription, message),
      )
      const subscription = this.ledger.subscribed(act.life, topic, handling.ready)
      act.passing.set(topic, { subscription, handling })
      return
    }
    act.passing.delete(topic)
    this.ledger.unsubscribed(passing.subscription)
    void passing.handling.close()
  }
}

/** Which share the dice fell into; the number of shares when into none. */
function choose(random: SeededRandom, shares: readonly number[]): number {
  let dice = random.float()
  let index = 0
  for (const share of shares) {
    dice -= share
    if (dice < 0) return index
    index++
  }
  return index
}

function routeOf(topic: string): "nearest" | "ordered" {
  return topic.startsWith("o.") ? "ordered" : "nearest"
}
