/** Endpoints that vote, in a simulated world: the production voter beside each, on links of the test's own. */
import {
  EmbeddedKeeper,
  freshMemory,
  remember,
  type VoteChange,
  type VoteMemory,
  Voter,
  VoterAuthority,
  type VoterEntry,
  type VoterFrame,
  type VoterId,
} from "../../src/cluster/election/index.ts"
import { type EndpointId, endpointIdToBytes } from "../../src/core/id.ts"
import { MessageEndpoint, type VoterEndpointOptions } from "../../src/endpoint/message-endpoint.ts"
import type { Seat } from "../../src/endpoint/seat.ts"
import { type Life, World } from "../../src/testing/simulation/index.ts"

class VotingEndpoint extends MessageEndpoint {
  seat!: Seat
  static async open(options: VoterEndpointOptions): Promise<VotingEndpoint> {
    const endpoint = new VotingEndpoint(options, "relay")
    endpoint.seat = await endpoint.openVoter(options)
    return endpoint
  }
}

interface Station {
  readonly name: string
  memory: VoteMemory
  voter: Voter | undefined
  endpoint: VotingEndpoint | undefined
}

const linkMs = 0.3

export class VotingWorld {
  readonly world: World
  readonly stations: Map<string, Station> = new Map()
  deliver: "ordered" | "majority" = "ordered"
  readonly #cut = new Set<string>()

  constructor(seed = 1, statusMs = 0) {
    this.world = new World({ seed, statusMs })
  }

  idOf(name: string): VoterId {
    const hex = name.charCodeAt(1).toString(16).padStart(8, "0")
    return `${hex}-0000-4000-8000-000000000000` as VoterId
  }
  nameOf(id: VoterId): string {
    return `v${String.fromCharCode(Number.parseInt(id.slice(0, 8), 16))}`
  }
  entry(name: string): VoterEntry {
    return { voterId: this.idOf(name), addresses: [`sim://${name}`], direct: true }
  }

  async start(name: string): Promise<Life> {
    const { world } = this
    const station: Station = this.stations.get(name) ?? {
      name,
      memory: freshMemory,
      voter: undefined,
      endpoint: undefined,
    }
    this.stations.set(name, station)
    const life = await world.open(name, "relay", common =>
      VotingEndpoint.open({ ...common, listen: `sim://${name}`, tree: "sim" }),
    )
    const endpoint = life.endpoint as VotingEndpoint
    station.endpoint = endpoint
    const { seat } = endpoint
    const storage = {
      write: (change: VoteChange, done?: () => void) => {
        world.clock.after(0.5, () => {
          if (station.voter !== voter) return
          station.memory = remember(station.memory, [change])
          world.network.node(name).run(() => done?.())
        })
      },
    }
    const memory = station.memory
    const voter: Voter = new Voter({
      tree: "sim",
      self: this.entry(name),
      clock: life.clock,
      random: world.random.fork(),
      links: {
        send: (to, frame) => this.#carry(name, this.nameOf(to.voterId), frame),
        redial: to => {
          const peer = this.nameOf(to.voterId)
          world.clock.after(2 * linkMs, () =>
            world.network.node(name).run(() => {
              if (station.voter === voter)
                voter.redialed(to.voterId, this.stations.get(peer)?.voter === undefined ? "refused" : "open")
            }),
          )
        },
      },
      storage,
      memory,
      keeper: state => new EmbeddedKeeper({ state, storage, memory }),
      listener: event => {
        if (event.type === "opened") {
          const authority = new VoterAuthority(voter, event.epoch, () => voter.reignEpoch)
          world.journal.note(name, "reigns", event.epoch)
          seat.reign({
            authority,
            inheritance: authority.inheritance(),
            tree: "sim",
            generation: endpointIdToBytes(voter.record!.generation as unknown as EndpointId),
            deliver: this.deliver,
            reason: "elected",
          })
        } else if (event.type === "reign") seat.follow([`sim://${this.nameOf(event.root)}`], "another is root")
        else if (event.type === "deposed") seat.detach(event.why)
        else if (event.type === "committed") seat.committed(event.through)
      },
    })
    station.voter = voter
    voter.start()
    return life
  }

  #carry(from: string, to: string, frame: VoterFrame): void {
    const sender = this.stations.get(from)!.voter
    this.world.clock.after(linkMs, () => {
      const voter = this.stations.get(to)?.voter
      if (voter === undefined || sender === undefined || this.#cut.has(`${from} ${to}`)) return
      this.world.network.node(to).run(() => this.stations.get(to)?.voter === voter && voter.receive(frame))
    })
  }

  /** As by `kill -9`. */
  crash(name: string): void {
    const station = this.stations.get(name)!
    const { voter } = station
    station.voter = undefined
    voter?.end()
    this.world.crash(name)
    for (const other of this.stations.values()) {
      if (other.voter === undefined) continue
      this.world.clock.after(linkMs, () =>
        this.world.network.node(other.name).run(() => other.voter?.linkClosed(this.idOf(name))),
      )
    }
  }

  /** Three voters that have a root, and the others below it. */
  async found(names: readonly string[] = ["va", "vb", "vc"]): Promise<Life[]> {
    const { world } = this
    const lives: Life[] = []
    for (const name of names) lives.push(await this.start(name))
    await world.run(10)
    const first = this.stations.get(names[0]!)!.voter!
    first.found(() => {})
    await this.until(() => first.hasAuthority())
    for (const name of names.slice(1)) {
      first.addVoter(this.entry(name))
      await this.until(() => first.record!.voters.some(voter => voter.voterId === this.idOf(name)))
      await world.run(50)
    }
    await this.until(() => lives.every(life => life.endpoint!.state === "open"))
    return lives
  }

  /** Between that voter and the other two, and the endpoints named, nothing passes. */
  cutOff(name: string, from: readonly string[]): void {
    for (const other of from) {
      this.world.network.partition(name, other)
      this.#cut.add(`${name} ${other}`)
      this.#cut.add(`${other} ${name}`)
    }
  }
  heal(): void {
    this.#cut.clear()
    this.world.network.heal()
  }

  get roots(): string[] {
    return [...this.stations.values()].filter(each => each.voter?.hasAuthority()).map(each => each.name)
  }

  async until(holds: () => boolean, limitMs = 10_000): Promise<number> {
    for (let ms = 0; ms < limitMs; ms++) {
      if (holds()) return ms
      await this.world.run(1)
    }
    throw new Error(`not within ${limitMs} virtual ms\n${this.world.journal.tail(60).join("\n")}`)
  }
}
