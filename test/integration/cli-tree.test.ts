/** A tree grown from several terminals, and seen by `zinc tree` and `zinc top`. */
import { afterEach, describe, expect, it, vi } from "vitest"
import { Cli, endAll, openHost, until, zinc } from "./cli-process.ts"

afterEach(endAll)

interface Nested {
  readonly name: string
  readonly role: string
  readonly children: readonly Nested[]
  readonly you?: boolean
}

async function relay(above: string, name: string): Promise<{ cli: Cli; address: string }> {
  const cli = new Cli(["join", above, "--listen", "tcp://127.0.0.1:0", "--name", name, "--json"], { open: true })
  const { addresses } = await cli.event({ event: "joined" })
  return { cli, address: (addresses as string[])[0]! }
}

/** hub ─ floor ─ room ─ ada. */
async function grow() {
  const { host, address } = await openHost("--tree", "plant")
  const floor = await relay(address, "floor")
  const room = await relay(floor.address, "room")
  const ada = new Cli(["listen", room.address, "t", "--name", "ada", "--json"])
  await ada.event({ event: "listening" })
  await until("the root knows of ada", () =>
    host.objects().some(each => each.event === "arrived" && (each.member as { name: string }).name === "ada"),
  )
  return { address, floor, room, ada }
}

/** One that looked before may not be known to be gone everywhere. */
const isNoPast = ({ name, you }: Nested) => name !== "looker" || you === true

describe("zinc tree", () => {
  it("prints the whole tree, wherever it is asked, for people and for machines", async () => {
    const { address, room } = await grow()
    for (const where of [address, room.address]) {
      const shape = ({ name, role, children, you }: Nested): string =>
        `${name}:${role}${you ? "!" : ""}(${children.filter(isNoPast).map(shape).join(" ")})`
      // What a relay tells of those below it reaches the root with its next summary.
      await vi.waitFor(
        async () => {
          const { code, stdout } = await zinc(["tree", where, "--name", "looker", "--json"])
          expect(code).toBe(0)
          expect(shape(JSON.parse(stdout) as Nested)).toBe(
            where === address
              ? "hub:root(floor:relay(room:relay(ada:client())) looker:client!())"
              : "hub:root(floor:relay(room:relay(ada:client() looker:client!())))",
          )
        },
        { timeout: 20_000, interval: 100 },
      )
    }
    const { stdout } = await zinc(["tree", address, "--name", "looker"])
    const lines = stdout.split("\n").filter(line => !/looker +client/.test(line))
    expect(lines.map(line => /^(.*?) +(?:root|relay|client) /.exec(line)?.[1])).toEqual([
      undefined,
      "hub",
      "├ floor",
      "│ └ room",
      "│   └ ada",
      "└ looker (you)",
      undefined,
    ])
  })

  it("fails when nobody answers", async () => {
    const end = await zinc(["tree", "tcp://127.0.0.1:1", "--json"])
    expect([end.code, end.stdout]).toEqual([1, ""])
    expect(end.stderr).toContain('"Unreachable"')
  })
})

describe("zinc top", () => {
  it("writes a line each interval when piped, with what happened since", async () => {
    const { address, room, ada } = await grow()
    const top = new Cli(["top", address, "--every", "100ms"])
    type Look = {
      readonly totals?: { readonly endpoints: number; readonly depth: number }
      readonly news?: readonly { readonly event: string; readonly name: string }[]
      readonly entries?: readonly { readonly name: string; readonly rates: { readonly messagesIn: number } }[]
    }
    const looks = () => top.objects() as Look[]
    await until("all are seen", () => looks().some(each => each.totals?.endpoints === 5 && each.totals.depth === 3))
    const sender = await zinc(["send", room.address, "t", "1"])
    expect(sender.code).toBe(0)
    ada.kill("SIGTERM")
    await until("ada's leaving is told", () =>
      looks().some(each => each.news?.some(({ event, name }) => event === "departed" && name === "ada")),
    )
    expect(
      looks()
        .at(-1)
        ?.entries?.map(({ name }) => name),
    ).not.toContain("ada")
    top.kill("SIGINT")
    expect((await top.ended).code).toBe(130)
  })

  it("looks once and ends, with --once", async () => {
    const { address } = await openHost()
    const { code, stdout } = await zinc(["top", address, "--once", "--json", "--name", "eye"])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ totals: { endpoints: 2 }, entries: [{ name: "hub" }, { name: "eye" }] })
  })
})
