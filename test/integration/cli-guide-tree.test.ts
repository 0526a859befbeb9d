/** The page "From one host to a tree that survives": its commands are typed here as they stand there, and do what it says. */
import { afterEach, expect, it, vi } from "vitest"
import { textOf } from "../tidy/source.ts"
import { Cli, type CliEnd, endAll, zinc } from "./cli-process.ts"

afterEach(endAll)

interface Nested {
  readonly name: string
  readonly children: readonly Nested[]
}

const page = "docs/guide/growing-trees.md"
const part = /^## From several terminals\n(.*?)^## /ms.exec(textOf(page))![1]!
const blocks = [...part.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(match => ({ language: match[1]!, text: match[2]! }))

/** Somebody at several terminals. Ports are the system's choice: a port of the page stands for the one that was got. */
class Terminals {
  readonly #open = new Map<string, Cli>()
  readonly #ports = new Map<string, string>()

  named(name: string): Cli {
    const cli = this.#open.get(name)
    if (cli === undefined) throw new Error(`nothing called ${name} was started`)
    return cli
  }

  /** Types one command; what comes to an end is waited for. */
  async type(line: string): Promise<CliEnd | undefined> {
    const victim = /^kill -9 \$\(pgrep -f "name (\w+)"\)$/.exec(line)?.[1]
    if (victim !== undefined) {
      const cli = this.named(victim)
      cli.kill("SIGKILL")
      await cli.ended
      return undefined
    }
    const [program, ...words] = [...line.matchAll(/"([^"]*)"|\S+/g)].map(match => match[1] ?? match[0])
    expect(program, line).toBe("zinc")
    const own = words[0] === "host" ? 1 : words.indexOf("--listen") + 1
    const ownPort = own > 0 ? portOf(words[own]!) : undefined
    const typed = words.map((word, at) =>
      at === own && own > 0 ? "tcp://127.0.0.1:0" : word.replace(/(?<=:)77\d\d$/, port => this.#ports.get(port)!),
    )
    if (["send", "tree"].includes(words[0]!)) return await zinc(typed)
    const cli = new Cli(typed, { open: true })
    this.#open.set(words[words.indexOf("--name") + 1]!, cli)
    if (ownPort === undefined) await cli.says(/listening|listens|joined|waiting for messages/)
    else this.#ports.set(ownPort, (await cli.says(/(?:listens at|others join it at) tcp:\/\/127\.0\.0\.1:(\d+)/))[1]!)
    return undefined
  }

  address(port: string): string {
    return `tcp://127.0.0.1:${this.#ports.get(port)}`
  }
}

it("types the commands of the page, and finds the tree as it says", async () => {
  const terminals = new Terminals()
  const shown = blocks.filter(({ language }) => language === "text")
  const commands = blocks
    .filter(({ language }) => language === "sh")
    .map(({ text }) => text.split("\n").filter(line => line !== "" && !line.startsWith("#")))
  expect(commands.map(lines => lines.length)).toEqual([1, 3, 2, 3, 1])
  const [host, joiners, look, loss, back] = commands
  for (const line of [...host!, ...joiners!]) await terminals.type(line)

  const ends = async (lines: readonly string[]) => {
    const all: (CliEnd | undefined)[] = []
    for (const line of lines) all.push(await terminals.type(line))
    return all
  }
  // What is below a relay reaches the root with its next summary.
  await shape(terminals, "hub(oak(ivy(ada())))")
  const [tree, sent] = await ends(look!)
  expect(namesIn(tree!.stdout)).toEqual(namesIn(shown[0]!.text))
  expect(sent).toMatchObject({ code: 0 })
  await terminals.named("ada").says(/hello/)

  const killing = loss!.shift()!
  await terminals.type(killing)
  await terminals.named("ivy").says(/now 1 links from the root/)
  await shape(terminals, "hub(ivy(ada()))")
  const [json, again] = await ends(loss!)
  expect(JSON.parse(json!.stdout)).toMatchObject({ name: "hub", role: "root" })
  expect(again).toMatchObject({ code: 0 })
  await terminals.named("ada").says(/still here/)
  expect(terminals.named("ada").stderr).not.toMatch(/error|lost/)

  for (const line of back!) await terminals.type(line)
  await shape(terminals, "hub(ivy(ada()) oak())")
})

/** Waits until the tree is so, but for those who look. */
async function shape(terminals: Terminals, wanted: string): Promise<void> {
  const isNoLooker = ({ name }: Nested) => !/@/.test(name) && name !== "eye"
  const draw = ({ name, children }: Nested): string =>
    `${name}(${children.filter(isNoLooker).map(draw).sort().join(" ")})`
  await vi.waitFor(
    async () => {
      const { stdout } = await zinc(["tree", terminals.address("7700"), "--name", "eye", "--json"])
      expect(draw(JSON.parse(stdout) as Nested)).toBe(wanted)
    },
    { timeout: 40_000, interval: 100 },
  )
}

/** Who is where in a drawing. */
function namesIn(drawing: string): string[] {
  return drawing
    .split("\n")
    .map(line => /^(.*?) +(root|relay|client) /.exec(line))
    .filter(match => match !== null)
    .map(match => `${match[1]!.replace(/@\S+/, "")} ${match[2]}`)
    .filter(line => !line.includes("eye"))
}

function portOf(address: string): string {
  return /\d+$/.exec(address)![0]
}
