import { describe, expect, it } from "vitest"
import { fromUtf8, SeededRandom, SimulatedClock } from "../../core/index.ts"
import type { AnnouncedHost } from "../host-record.ts"
import { LanHosts, type Question } from "./lan-hosts.ts"
import { type DnsRecord, instanceOf, recordsOf, serviceType } from "./service-record.ts"

/** Endpoints on one LAN in virtual time. */
class Lan {
  readonly clock = new SimulatedClock()
  readonly queries: (readonly Question[])[] = []
  readonly responses: (readonly DnsRecord[])[] = []
  readonly #talkers: LanHosts[] = []
  quiet = false

  open(tree = "zinc"): LanHosts {
    const hosts = new LanHosts({
      tree,
      clock: this.clock,
      random: new SeededRandom(this.#talkers.length),
      respond: answers => {
        this.responses.push(answers)
        if (!this.quiet) for (const each of this.#talkers) each.hearResponse(answers)
      },
      query: questions => {
        this.queries.push(questions)
        if (!this.quiet) for (const each of this.#talkers) each.hearQuery(questions)
      },
      changed: () => {},
    })
    this.#talkers.push(hosts)
    return hosts
  }
}

function host(number: number): AnnouncedHost {
  const id = `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`
  return { addresses: [`tcp://10.0.0.${number}:7700`], id, name: `host ${number}` }
}

describe("LanHosts", () => {
  it("is found by those who ask later, within a fraction of a second", () => {
    const lan = new Lan()
    lan.open().announce(host(1))
    lan.clock.advance(5_000)
    const late = lan.open()
    late.ask()
    lan.clock.advance(200)
    expect(late.hosts).toEqual([host(1)])
  })

  it("says good-bye when it withdraws or closes", () => {
    const lan = new Lan()
    const [one, other] = [lan.open(), lan.open()]
    one.announce(host(1))
    one.announce(host(2))
    other.ask()
    lan.clock.advance(500)
    expect(other.hosts).toEqual([host(1), host(2)])
    one.withdraw(host(1).id)
    lan.clock.advance(500)
    expect(other.hosts).toEqual([host(2)])
    one.close()
    lan.clock.advance(2_000)
    expect(other.hosts).toEqual([])
  })

  it("is forgotten two minutes after it was heard last", () => {
    const lan = new Lan()
    const [one, other] = [lan.open(), lan.open()]
    one.announce(host(1))
    other.ask()
    lan.clock.advance(500)
    lan.quiet = true
    lan.clock.advance(118_000)
    expect(other.hosts).toEqual([host(1)])
    lan.clock.advance(4_000)
    expect(other.hosts).toEqual([])
  })

  it("stays known as long as it lives, and asks ever less often", () => {
    const lan = new Lan()
    const [one, other] = [lan.open(), lan.open()]
    one.announce(host(1))
    other.ask()
    lan.clock.advance(3_600_000)
    expect(other.hosts).toEqual([host(1)])
    expect(lan.queries.length).toBeLessThan(70)
  })

  it("keeps nothing of other trees and other services", () => {
    const lan = new Lan()
    const other = lan.open("other")
    other.ask()
    lan.open("zinc").announce(host(1))
    lan.clock.advance(2_000)
    other.hearResponse([{ type: "TXT", name: "printer._ipp._tcp.local", ttl: 120, data: [] }])
    expect(other.hosts).toEqual([])
    expect(other.refused).toBe(0)
  })

  it("keeps a bounded number of strangers, and believes nobody longer than two minutes", () => {
    const lan = new Lan()
    const hosts = lan.open()
    for (let i = 0; i < 10_050; i++) {
      const stranger = { ...host(0), id: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}` }
      hosts.hearResponse(recordsOf("zinc", stranger, 0x7fff_ffff))
    }
    expect(hosts.hosts.length).toBe(10_000)
    expect(hosts.refused).toBe(50)
    hosts.ask()
    lan.clock.advance(122_000)
    expect(hosts.hosts).toEqual([])
  })

  it("lets nobody speak for a host of its own", () => {
    const lan = new Lan()
    const hosts = lan.open()
    hosts.announce(host(1))
    hosts.hearResponse(recordsOf("zinc", { ...host(1), name: "imposter" }, 120))
    hosts.hearResponse(recordsOf("zinc", host(1), 0))
    expect(hosts.hosts).toEqual([host(1)])
  })

  it("answers only what it is asked, once for many questions", () => {
    const lan = new Lan()
    const hosts = lan.open()
    hosts.announce(host(1))
    lan.clock.advance(2_000)
    const said = lan.responses.length
    hosts.hearQuery([{ name: "_ipp._tcp.local", type: "PTR" }])
    lan.clock.advance(1_000)
    expect(lan.responses.length).toBe(said)
    for (let i = 0; i < 100; i++) hosts.hearQuery([{ name: serviceType.toUpperCase(), type: "PTR" }])
    lan.clock.advance(1_000)
    expect(lan.responses.length).toBe(said + 2)
    hosts.hearQuery([{ name: instanceOf(host(1).id), type: "TXT" }])
    lan.clock.advance(1_000)
    expect(lan.responses.length).toBe(said + 4)
  })

  it("refuses to say more than fits into a packet", () => {
    const long = { ...host(1), addresses: Array.from({ length: 8 }, (_, i) => `tcp://${"a".repeat(200)}${i}:1`) }
    expect(() => new Lan().open().announce(long)).toThrow(expect.objectContaining({ code: "BadOption" }))
  })

  it("says what other programs of the LAN need as well", () => {
    const lan = new Lan()
    lan.open().announce(host(1))
    lan.clock.advance(100)
    const [answers] = lan.responses
    expect(answers!.map(each => each.type)).toEqual(["PTR", "SRV", "TXT", "A"])
    const [, srv, txt, a] = answers!
    expect(srv).toMatchObject({ data: { port: 7700, target: `${host(1).id}.local` } })
    expect(a).toMatchObject({ name: `${host(1).id}.local`, data: "10.0.0.1" })
    expect(txt!.type === "TXT" && txt!.data.map(fromUtf8)).toContain("tree=zinc")
  })
})
