/** Several voters of one tree in this process, each at a port of its own. */

import { type Proposal, VoterDoor, Voting, type VotingEvent } from "../../../src/cluster/index.ts"
import { MemoryVoteDisk, MemoryVoteFolder } from "../../../src/cluster/vote-folder/memory/index.ts"
import type { Coordinator } from "../../../src/coordination/index.ts"
import { systemClock } from "../../../src/core/clock.ts"
import { silentLogger } from "../../../src/core/logger.ts"
import { systemRandom } from "../../../src/core/random.ts"
import { Watch } from "../../../src/testing/suites/watch.ts"
import { TcpCarrier, ZmtpTransport } from "../../../src/transport/zmtp/index.ts"

export interface CrewMember {
  readonly voting: Voting
  readonly address: string
  readonly disk: MemoryVoteDisk
  readonly events: VotingEvent[]
  close(): Promise<void>
}

const tree = "crew"
const patienceMs = 20_000

export class VotingCrew {
  readonly #coordinator: ((tree: string) => Coordinator) | undefined
  readonly #watch = new Watch()
  readonly #members: CrewMember[] = []

  constructor(options: { readonly coordinator?: (tree: string) => Coordinator } = {}) {
    this.#coordinator = options.coordinator
  }

  /** Three that know each other's addresses; the first founds. */
  async openThree(): Promise<CrewMember[]> {
    const doors = await Promise.all([this.#door(), this.#door(), this.#door()])
    const seeds = doors.map(({ address }) => address)
    return Promise.all(doors.map(door => this.#open({ ...door, seeds })))
  }

  async open(options: { readonly disk?: MemoryVoteDisk; readonly seeds: readonly string[] }): Promise<CrewMember> {
    return this.#open({ ...(await this.#door()), ...options })
  }

  proposal(sequence: number): Proposal {
    return { stream: "stream", origin: "origin", sequence, lowest: 1, payload: new Uint8Array([sequence & 255]) }
  }

  eventsOf<T extends VotingEvent["type"]>(member: CrewMember, type: T): Extract<VotingEvent, { type: T }>[] {
    return member.events.filter((event): event is Extract<VotingEvent, { type: T }> => event.type === type)
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    await this.#watch.until(what, condition, patienceMs)
  }

  async root(among: readonly CrewMember[]): Promise<CrewMember> {
    await this.until("one of them to have authority", () => among.some(({ voting }) => voting.hasAuthority()))
    return among.find(({ voting }) => voting.hasAuthority())!
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map(member => member.close()))
  }

  async #door() {
    const transport = new ZmtpTransport({ carriers: [new TcpCarrier()] })
    const door = new VoterDoor(transport, silentLogger)
    return { transport, door, address: await door.bind("tcp://127.0.0.1:0") }
  }

  async #open(options: {
    readonly transport: ZmtpTransport
    readonly door: VoterDoor
    readonly address: string
    readonly seeds: readonly string[]
    readonly disk?: MemoryVoteDisk
  }): Promise<CrewMember> {
    const { transport, door, address, seeds, disk = new MemoryVoteDisk() } = options
    const coordinator = this.#coordinator?.(tree)
    const voting = await Voting.open({
      tree,
      folder: new MemoryVoteFolder(disk),
      addresses: [address],
      direct: true,
      seeds,
      coordinator,
      transport,
      clock: systemClock,
      random: systemRandom,
    })
    door.receive(voting)
    const events: VotingEvent[] = []
    voting.on("*", event => {
      events.push(event)
      this.#watch.poke()
    })
    let closing: Promise<void> | undefined
    const close = () => (closing ??= Promise.all([door.close(), voting.close(), coordinator?.close()]).then(() => {}))
    const member: CrewMember = { voting, address, disk, events, close }
    this.#members.push(member)
    return member
  }
}
