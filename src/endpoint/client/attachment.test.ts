import { getEventListeners } from "node:events"
import { describe, expect, it } from "vitest"
import { ZincError } from "../../core/errors.ts"
import { silentLogger } from "../../core/logger.ts"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { type ControlBody, decodeControl, encodeControl } from "../../message/control.ts"
import { SimulatedNetwork } from "../../transport/simulated/simulated-network.ts"
import { Attachment, type AttachmentOptions } from "./attachment.ts"
import { plainStep } from "./candidates.ts"
import type { Legs } from "./legs.ts"

const accept: ControlBody = { case: "accept", value: { link: 1 } }
const redirect = (...addresses: string[]): ControlBody => ({
  case: "redirect",
  value: { candidates: addresses.map(address => ({ addresses: [address] })), retryAfterMs: 0 },
})

/** An attachment on virtual time, and hosts that answer a JOIN and say nothing else. */
function setUp(options: Partial<AttachmentOptions> = {}) {
  const clock = new SimulatedClock()
  const network = new SimulatedNetwork({ clock, random: new SeededRandom(1) })
  const told: string[] = []
  const joined: { readonly address: string; readonly redirects: number; readonly at: number }[] = []
  const errors: ZincError[] = []
  const host = async (name: string, answer: () => ControlBody | undefined = () => accept) => {
    const transport = network.transport(name)
    const router = transport.router({
      onBatch: batch => {
        const said = answer()
        if (said !== undefined) router.send(batch.connection, [encodeControl(said)])
      },
    })
    const publisher = transport.publisher({ onSubscribe: () => {}, onUnsubscribe: () => {} })
    const puller = transport.puller({ onBatch: () => {} })
    await transport.bind(`sim://${name}`, { router, publisher, puller })
    return { router, publisher, puller }
  }
  const note =
    (what: string) =>
    (error?: unknown): void => {
      told.push(what)
      if (ZincError.is(error)) errors.push(error)
    }
  const attachment = new Attachment({
    node: { clock, random: new SeededRandom(2), logger: silentLogger },
    transport: network.transport("me"),
    addresses: ["sim://hub"],
    reconnect: { minMs: 100, maxMs: 1000 },
    joinTimeoutMs: 500,
    maxPayloadBytes: 1024,
    flapsOf: address => address,
    candidates: loss => [
      { address: loss.address, id: undefined, waitMs: 0, timeoutMs: undefined, takeover: undefined },
    ],
    join: (address, { redirects }) => {
      joined.push({ address, redirects, at: clock.now() })
      return { case: "join", value: {} }
    },
    onAccepted: note("accepted"),
    onDialled: (legs: Legs) => legs.baseline.resolve(),
    onAgain: note("again"),
    onUp: note("up"),
    onControl: (legs, batch) => {
      const { body } = decodeControl(batch.frame(0, 0))
      if (body.case === "accept") legs.accepted.resolve(body.value)
      if (body.case === "redirect")
        attachment.redirected(
          legs,
          body.value.candidates.flatMap(({ addresses }) => addresses),
          body.value.retryAfterMs,
        )
    },
    onPublished: note("published"),
    onPublishedByFormer: note("published by the former"),
    onSwitched: note("switched"),
    caughtUp: () => Promise.resolve(),
    onDrain: () => {},
    onLegLost: leg => told.push(`${leg} lost`),
    onLegBack: leg => told.push(`${leg} back`),
    onLost: note("lost"),
    onDown: note("down"),
    onEnded: note("ended"),
    ...options,
  })
  const join = async (ms = 2000): Promise<ZincError | undefined> => {
    let failure: ZincError | undefined
    attachment.join(undefined).catch(thrown => {
      failure = thrown
    })
    await clock.run(ms)
    return failure
  }
  /** What it told about the whole link: which leg of a crashed host is lost first is chance. */
  const toldOfLink = () => told.filter(what => !/^(pusher|subscriber) /.test(what))
  return { clock, network, told, toldOfLink, joined, errors, host, attachment, join }
}

describe("Attachment", () => {
  it("is up when the host has accepted, both data legs stand and the baseline has come", async () => {
    const { host, attachment, join, told } = setUp()
    await host("hub")
    expect(await join()).toBeUndefined()
    expect([attachment.state, told]).toEqual(["up", ["accepted", "up"]])
  })

  it("goes where it is sent, and counts how often", async () => {
    const { host, attachment, join, joined } = setUp()
    await host("hub", () => redirect("sim://other"))
    await host("other")
    await join()
    expect(attachment.legs!.address).toBe("sim://other")
    expect(joined.map(({ address, redirects }) => [address, redirects])).toEqual([
      ["sim://hub", 0],
      ["sim://other", 1],
    ])
  })

  it("gives up on redirects that lead nowhere, on a host without a place, and on one that says nothing", async () => {
    const circle = setUp()
    await circle.host("hub", () => redirect("sim://hub"))
    expect(await circle.join(3000)).toMatchObject({ code: "Unreachable" })
    const full = setUp()
    await full.host("hub", () => redirect())
    expect(await full.join()).toMatchObject({ code: "Refused", retryable: true })
    const silent = setUp()
    await silent.host("hub", () => undefined)
    expect(await silent.join()).toMatchObject({ code: "Timeout" })
    expect(silent.attachment.state).toBe("closed")
  })

  it("leaves nothing of its waits on the signal that ends it", async () => {
    const { host, attachment, clock } = setUp()
    await host("hub", () => redirect("sim://nowhere"))
    const { signal } = new AbortController()
    const outcome = attachment.join(signal).catch((thrown: unknown) => thrown)
    await clock.run(5000)
    expect(await outcome).toBeInstanceOf(ZincError)
    expect(getEventListeners(signal, "abort")).toEqual([])
  })

  it("asks to stay where it began when everybody only sends it on", async () => {
    const { host, attachment, join, joined } = setUp()
    let asked = 0
    await host("hub", () => (++asked < 3 ? redirect("sim://other") : accept))
    await host("other", () => redirect("sim://hub"))
    expect(await join(3000)).toBeUndefined()
    expect(attachment.legs!.address).toBe("sim://hub")
    expect(joined.map(({ address }) => address)).toEqual([
      "sim://hub",
      "sim://other",
      "sim://hub",
      "sim://other",
      "sim://hub",
    ])
  })

  it("asks for the baseline again while it waits for it", async () => {
    const { host, join, told } = setUp({ onDialled: () => {}, joinTimeoutMs: 2500 })
    await host("hub")
    expect(await join(3000)).toMatchObject({ code: "Timeout" })
    expect(told).toEqual(["accepted", "again", "again"])
  })

  it("dials a lost data leg again under the same session, and only then gives the link up", async () => {
    const { host, attachment, join, told, clock, joined } = setUp()
    const hub = await host("hub")
    await join()
    hub.publisher.disconnect(1)
    await clock.run(100)
    expect([attachment.state, told.slice(2)]).toEqual(["up", ["subscriber lost", "subscriber back"]])
    hub.puller.abort()
    await clock.run(5)
    expect([attachment.state, attachment.linked]).toEqual(["degraded", true])
    await clock.run(2000)
    expect(told.slice(4, 6)).toEqual(["pusher lost", "lost"])
    expect(joined.length).toBeGreaterThan(1)
  })

  it("comes back at once, and says that the host is lost only when that has failed", async () => {
    const { host, attachment, join, toldOfLink, clock, network } = setUp()
    const hub = await host("hub")
    await join()
    hub.router.disconnect(1)
    await clock.run(100)
    expect([attachment.state, toldOfLink().slice(2)]).toEqual(["up", ["lost", "accepted", "up"]])
    network.crash("hub")
    await clock.run(5000)
    expect(toldOfLink().slice(5)).toEqual(["lost", "down"])
    await host("hub")
    await clock.run(5000)
    expect([attachment.state, toldOfLink().slice(7)]).toEqual(["up", ["accepted", "up"]])
  })

  it("goes to the next host at once when one after the other is lost soon, and waits for one that drops it again and again (L10)", async () => {
    const hosts = ["sim://hub", "sim://b", "sim://c", "sim://d", "sim://e"]
    const { host, attachment, join, clock, network } = setUp({
      reconnect: { minMs: 10_000, maxMs: 10_000 },
      candidates: () => hosts.map(plainStep),
    })
    await host("hub")
    await join(100)
    for (const [at, name] of ["b", "c", "d", "e"].entries()) {
      await host(name)
      network.crash(hosts[at]!.slice("sim://".length))
      await clock.run(60)
      expect([attachment.state, attachment.legs?.address]).toEqual(["up", `sim://${name}`])
    }
    const flapping = setUp({ reconnect: { minMs: 10_000, maxMs: 10_000 } })
    const hub = await flapping.host("hub")
    await flapping.join(100)
    for (let connection = 1; connection <= 2; connection++) {
      hub.router.disconnect(connection)
      await flapping.clock.run(60)
    }
    expect([flapping.attachment.state, flapping.joined.length]).toEqual(["down", 2])
  })

  it("does not come back when it shall not, and ends with what ended the link", async () => {
    const { host, join, toldOfLink, clock, network, errors } = setUp({ reconnect: undefined })
    await host("hub")
    await join()
    network.crash("hub")
    await clock.run(100)
    expect(toldOfLink().slice(2)).toEqual(["lost", "down", "ended"])
    expect(errors.map(({ code }) => code)).toEqual(["PeerLost", "PeerLost", "PeerLost"])
  })

  it("lets a host that leaves go when all it published has come, or has had its time", async () => {
    const { host, attachment, join, toldOfLink, clock } = setUp({ reconnect: undefined })
    await host("hub")
    await join()
    attachment.left(attachment.legs!, 10, 4, new ZincError("PeerLost", "it left"))
    attachment.arrived(9)
    expect(attachment.linked).toBe(true)
    await clock.run(900)
    attachment.arrived(10)
    expect(toldOfLink().slice(2)).toEqual(["lost", "down", "ended"])
    const late = setUp({ reconnect: undefined })
    await late.host("hub")
    await late.join()
    late.attachment.left(late.attachment.legs!, 10, 4, new ZincError("PeerLost", "it left"))
    await late.clock.run(1100)
    expect(late.toldOfLink().slice(2)).toEqual(["lost", "down", "ended"])
  })

  it("stops for good, in the middle of coming back too", async () => {
    const { host, attachment, join, toldOfLink, clock, network } = setUp()
    await host("hub")
    await join()
    network.crash("hub")
    await clock.run(1000)
    attachment.stop()
    await host("hub")
    await clock.run(10_000)
    expect([attachment.state, attachment.legs, toldOfLink().slice(2)]).toEqual(["closed", undefined, ["lost", "down"]])
  })
})
