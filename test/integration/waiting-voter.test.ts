/** A voter that waits for others says for whom and why, and stops waiting when its caller has had enough. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { freePorts } from "../../scripts/free-port.mjs"
import { RecordingLogger } from "../../src/core/logger.ts"
import { Endpoint } from "../../src/index.ts"
import { Cli, endAll, zinc } from "./cli-process.ts"

let folder = ""
let seeds: string[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "zinc-waiting-"))
  seeds = (await freePorts(3)).map(port => `tcp://127.0.0.1:${port}`)
})
afterEach(async () => {
  endAll()
  await rm(folder, { recursive: true, force: true })
})

const host = (at: number, ...words: string[]) => ["host", seeds[at]!, "--data", join(folder, `d${at}`), ...words]

describe("zinc host --data", () => {
  it("says which seeds do not answer, and goes on when they do", async () => {
    const second = new Cli(host(1, "--tree", "plant", "--seed", ...seeds))
    await second.says(/^waiting: the first seed, .*, has yet to found the tree$/m)
    await second.says(new RegExp(`^waiting: seed ${seeds[0]} does not answer \\(ECONNREFUSED\\)$`, "m"))
    const first = new Cli(host(0, "--tree", "plant", "--seed", ...seeds))
    await first.says(/listens at/)
    await second.says(/listens at/)
    expect(second.stderr.match(new RegExp(`seed ${seeds[0]} does not`, "g"))).toHaveLength(1)
  })

  it("says that a seed is of another tree, to machines as an event", async () => {
    const first = new Cli(host(0, "--tree", "plant", "--seed", ...seeds))
    await first.says(/listens at/)
    const second = new Cli(host(1, "--tree", "plantt", "--seed", ...seeds, "--json"))
    const reason = `seed ${seeds[0]} refuses: it is of the tree "plant", not "plantt" [WrongTree]`
    await second.event({ event: "waiting", reason })
  })

  it("says that the first seed is itself, by an address that it does not advertise", async () => {
    const alias = seeds[0]!.replace("127.0.0.1", "localhost")
    const first = new Cli(host(0, "--seed", alias, seeds[1]!))
    await first.says(new RegExp(`^waiting: seed ${alias} is this host itself, `, "m"))
  })

  it.each(["zookeeper", "etcd"])("says that %s does not answer", async store => {
    const [port] = await freePorts(1)
    const alone = new Cli(host(0, "--coordinator", `${store}://127.0.0.1:${port}`))
    await alone.says(/^waiting: the store of the root record, .* does not answer \(/m)
  })

  it.each([
    ["BadAddress", ["--seed", "nonsense"]],
    ["BadAddress", ["--advertise", "nonsense"]],
    ["BadOption", ["--seed", "tcp://127.0.0.1:1", "--seed", "tcp://127.0.0.1:1"]],
  ])("refuses at once, with %s, %j", async (code, words) => {
    const end = await zinc(host(0, ...words))
    expect([end.code, end.stderr]).toEqual([2, expect.stringContaining(`error [${code}]`)])
  })

  it("says which options need a folder", async () => {
    const end = await zinc(["host", seeds[0]!, "--direct"])
    expect(end.stderr).toContain("--direct is for hosts that vote")
  })
})

describe("Endpoint.host with data", () => {
  it("tells its caller and its logger what it waits for, until the signal ends it", async () => {
    const logger = new RecordingLogger()
    const limit = new AbortController()
    const wanted = `seed ${seeds[0]} does not answer (ECONNREFUSED)`
    const told: string[] = []
    const onWaiting = (reason: string) => {
      told.push(reason)
      if (reason === wanted) limit.abort()
    }
    const opening = Endpoint.host({
      listen: seeds[1]!,
      seeds,
      data: join(folder, "d"),
      logger,
      onWaiting,
      signal: limit.signal,
    })
    await expect(opening).rejects.toMatchObject({ code: "Aborted" })
    expect(told).toContain(wanted)
    expect(logger.records).toContainEqual(expect.objectContaining({ level: "warn", message: `waiting: ${wanted}` }))
  })

  it("warns by the process where there is neither logger nor listener", async () => {
    const limit = new AbortController()
    const warned = new Promise<string>(resolve => {
      const onWarning = ({ name, message }: Error) => {
        if (name !== "ZincWarning" || !message.includes(seeds[0]!)) return
        process.off("warning", onWarning)
        resolve(message)
      }
      process.on("warning", onWarning)
    })
    const opening = Endpoint.host({ listen: seeds[1]!, seeds, data: join(folder, "d"), signal: limit.signal })
    expect(await warned).toContain("a voter is not part of its tree yet")
    limit.abort()
    await expect(opening).rejects.toMatchObject({ code: "Aborted" })
  })

  it.each([{ seeds: ["nonsense"] }, { advertise: ["nonsense"] }])("refuses %j at once", async places => {
    const opening = Endpoint.host({ listen: seeds[0]!, data: join(folder, "d"), ...places })
    await expect(opening).rejects.toMatchObject({ code: "BadAddress" })
  })
})
