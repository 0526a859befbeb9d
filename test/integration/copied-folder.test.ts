/** A copied voter folder, with the command line: the copy is refused, and the tree keeps its failover (decision 262). */
import { cp, mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, expect, it } from "vitest"
import { freePorts } from "../../scripts/free-port.mjs"
import { Cli, endAll } from "./cli-process.ts"

let folder = ""

afterEach(async () => {
  endAll()
  await rm(folder, { recursive: true, force: true })
})

it("refuses a host with a copy of a voter's folder, says so at both ends, and loses no voter by it", async () => {
  folder = await mkdtemp(join(tmpdir(), "zinc-copied-"))
  const [a, b, c, d] = (await freePorts(4)).map(port => `tcp://127.0.0.1:${port}`) as [string, string, string, string]
  const logged = ["--log-level", "info"]
  const host = (address: string, name: string, data: string) =>
    new Cli(
      ["host", address, "--tree", "plant", "--name", name, "--data", data, "--seed", a, b, c, "--json", ...logged],
      {
        folder,
      },
    )
  const voters = [host(a, "v1", "d1"), host(b, "v2", "d2"), host(c, "v3", "d3")]
  for (const voter of voters) await voter.event({ event: "listening" })
  // The founder logs both changes of the set.
  await voters[0]!.says(/votersChanged[\s\S]*votersChanged/)

  await cp(join(folder, "d2"), join(folder, "copy"), { recursive: true })
  for (const name of await readdir(join(folder, "copy")))
    if (name.startsWith("lock-")) await rm(join(folder, "copy", name))
  const copy = host(d, "copy", "copy")
  const { code, stderr } = await copy.ended
  expect(code).not.toBe(0)
  expect(stderr).toContain('"code":"Duplicate"')
  expect(stderr).toContain(`votes at ${b} already`)
  await Promise.any(voters.map(voter => voter.event({ event: "refused", name: "copy", code: "Duplicate" })))

  voters[0]!.kill("SIGSTOP")
  await Promise.any(voters.slice(1).map(voter => voter.event({ event: "role", to: "host" })))
  voters[0]!.kill("SIGCONT")
})
