/** What the front door is told wrongly, it says at the call, in words that name the option. */
import { describe, expect, it } from "vitest"
import { MemoryVoteFolder } from "./cluster/vote-folder/memory/index.ts"
import { Endpoint } from "./zinc.ts"

const listen = "tcp://127.0.0.1:0"
/** Nobody is there: whoever dials it has checked its options before. */
const nobody = "tcp://127.0.0.1:1"
const refusal = (message: RegExp) =>
  expect.objectContaining({ code: "BadOption", message: expect.stringMatching(message) })

const ofBoth: readonly [object, RegExp][] = [
  [{ tree: "" }, /a tree's name has 1 to 64 octets/],
  [{ tree: "x".repeat(65) }, /a tree's name has 1 to 64 octets/],
  [{ slow: { policy: "panic" } }, /slow\.policy must be one of disconnect, .* not "panic"/],
  [{ slow: { maxLagMs: -1 } }, /slow\.maxLagMs must be a number of milliseconds, 0 or more, not -1/],
  [{ slow: { hwm: "x" } }, /slow\.hwm must be an object of messages, bytes, not "x"/],
  [{ slow: { key: 5 } }, /slow\.key must be a function/],
  [{ slow: { polcy: "die" } }, /there is no option slow\.polcy; did you mean slow\.policy\?/],
  [{ replay: "x" }, /replay must be an object of messages, bytes/],
  [{ sendWindow: 5 }, /sendWindow must be an object of messages, bytes, not 5/],
  [{ sendWindow: { mesages: 5 } }, /did you mean sendWindow\.messages\?/],
  [{ reconnect: true }, /reconnect must be an object of minMs, maxMs, not true/],
  [{ reconnect: { minMs: -1 } }, /reconnect\.minMs .* not -1/],
  [{ unguarded: "yes" }, /unguarded must be true or false/],
  [{ token: 5 }, /token must be a text or a Uint8Array, not 5/],
  [{ topicCodecs: "json" }, /topicCodecs must be an object/],
  [{ bogusOption: 1 }, /there is no option bogusOption/],
  [{ fanout: 5 }, /there is no option fanout; did you mean fanOut\?/],
  [{ documents: { storage: {} } }, /documents\.storage must be a Storage/],
  [{ documents: 5 }, /documents must be an object/],
  [{ listen, fanOut: 5, maxClients: 3 }, /fanOut is at most maxClients: 5 is more than 3/],
  [{ authenticator: {} }, /authenticator must be an object with a method authenticate/],
  [{ authenticator: () => ({ allow: true }) }, /authenticator must be an object .* not a function/],
  [{ listen, relays: { threads: 1 }, authenticator: {} }, /authenticator must be an object/],
  [{ listen, relays: { thread: 1 } }, /did you mean relays\.threads\?/],
]

describe("Endpoint", () => {
  it.each(ofBoth)("neither hosts nor joins with %o", async (options, message) => {
    await expect(Endpoint.host({ listen, ...options })).rejects.toEqual(refusal(message))
    await expect(Endpoint.join(nobody, options)).rejects.toEqual(refusal(message))
  })

  it.each<[object, RegExp]>([
    [{ seeds: "tcp://10.0.0.1:7700" }, /seeds must be a list of addresses/],
    [{ seeds: [5] }, /seeds must be a list of addresses/],
    [{ advertise: "tcp://10.0.0.1:7700" }, /advertise must be a list of addresses/],
    [{ found: "yes" }, /found must be true or false, not "yes"/],
    [{ direct: 1 }, /direct must be true or false/],
    [{ coordinator: {} }, /coordinator must be a coordinator/],
    [{ data: 5 }, /data must be the path of a folder/],
    [{ data: {} }, /data must be the path of a folder/],
  ])("does not vote with %o", async (options, message) => {
    const data = new MemoryVoteFolder()
    await expect(Endpoint.host({ listen, data, ...options } as never)).rejects.toEqual(refusal(message))
  })

  it("joins with no option of those who vote", async () => {
    await expect(Endpoint.join(nobody, { data: "votes" } as never)).rejects.toEqual(refusal(/no option data/))
  })

  it("takes what is documented, and undefined for what is not given", async () => {
    const host = await Endpoint.host({
      listen,
      tree: "x".repeat(64),
      slow: { policy: "warn", maxLagMs: 0, hwm: { messages: 10 }, key: topic => topic },
      replay: { messages: 10, bytes: 2048 },
      maxClients: 3,
      documents: {},
      authenticator: { authenticate: () => ({ allow: true }) },
    })
    const options = { reconnect: { maxMs: 200 }, sendWindow: { messages: 3 }, name: undefined } as object
    const client = await Endpoint.join(host.addresses[0]!, { ...options, token: Buffer.from("x") })
    await client.close()
    await host.close()
  })
})
