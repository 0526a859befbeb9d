/** What people do to a voter's folder while it is open, with the command line: they copy it (decision 262), or remove it. */
import { cp, mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { freePorts } from "../../scripts/free-port.mjs"
import { Cli, endAll, jsonLines, zinc } from "./cli-process.ts"

let folder = ""

afterEach(async () => {
  endAll()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "zinc-folder-"))
})

/** Three voters, the first of them the root. */
async function openThree(seeds: readonly string[]): Promise<Cli[]> {
  const voters = seeds.map((address, at) => host(address, `v${at + 1}`, `d${at + 1}`, seeds))
  for (const voter of voters) await voter.event({ event: "listening" })
  // The founder logs both changes of the set.
  await voters[0]!.says(/voting: votersChanged[\s\S]*voting: votersChanged/)
  return voters
}

function host(address: string, name: string, data: string, seeds: readonly string[]): Cli {
  const own = ["host", address, "--tree", "plant", "--name", name, "--data", data]
  return new Cli([...own, "--seed", ...seeds, "--json", "--log-level", "info"], { folder })
}

it("refuses a host with a copy of a voter's folder, says so at both ends, and loses no voter by it", async () => {
  const [a, b, c, d] = (await freePorts(4)).map(port => `tcp://127.0.0.1:${port}`) as [string, string, string, string]
  const voters = await openThree([a, b, c])

  await cp(join(folder, "d2"), join(folder, "copy"), { recursive: true })
  for (const name of await readdir(join(folder, "copy")))
    if (name.startsWith("lock-")) await rm(join(folder, "copy", name))
  const { code, stderr } = await host(d, "copy", "copy", [a, b, c]).ended
  expect(code).not.toBe(0)
  expect(stderr).toContain('"code":"Duplicate"')
  expect(stderr).toContain(`votes at ${b} already`)
  await Promise.any(voters.map(voter => voter.event({ event: "refused", name: "copy", code: "Duplicate" })))

  voters[0]!.kill("SIGSTOP")
  await Promise.any(voters.slice(1).map(voter => voter.event({ event: "role", to: "host" })))
  voters[0]!.kill("SIGCONT")
})

it("votes no more when its folder is removed, and goes below the next root if it was the root", async () => {
  const seeds = (await freePorts(3)).map(port => `tcp://127.0.0.1:${port}`)
  const voters = await openThree(seeds)
  await rm(join(folder, "d1"), { recursive: true })
  const { error } = await voters[0]!.event({ event: "storageFailed" })
  expect(error).toMatchObject({ code: "BadFile", message: expect.stringContaining("d1") })
  const next = await Promise.any(
    voters.slice(1).map(voter => voter.event({ event: "role", to: "host" }).then(() => voter)),
  )
  const { id } = await next.event({ event: "listening" })
  await voters[0]!.says(new RegExp(`"event":"path","path":\\["${id}",`))
  const other = voters.slice(1).find(voter => voter !== next)!
  await rm(join(folder, other === voters[1] ? "d2" : "d3"), { recursive: true })
  await other.event({ event: "storageFailed" })
})

it("takes the place of the voter that it was when its folder is lost and it is started again at its address", async () => {
  const seeds = (await freePorts(3)).map(port => `tcp://127.0.0.1:${port}`)
  const voters = await openThree(seeds)
  voters[1]!.kill("SIGKILL")
  await voters[1]!.ended
  await rm(join(folder, "d2"), { recursive: true })
  const again = host(seeds[1]!, "v2", "d2", seeds)
  await again.event({ event: "listening" })
  await voters[0]!.says(/it takes its place[\s\S]*voting: votersChanged[\s\S]*voting: votersChanged/)

  // Without its vote there would be no majority.
  voters[0]!.kill("SIGKILL")
  await Promise.any([again, voters[2]!].map(voter => voter.event({ event: "role", to: "host" })))
})

it("shows in tree and doctor that ordered topics refuse what is sent while two of three voters are lost", async () => {
  const seeds = (await freePorts(3)).map(port => `tcp://127.0.0.1:${port}`)
  const voters = await openThree(seeds)
  for (const voter of voters.slice(1)) voter.kill("SIGKILL")
  await voters[0]!.event({ event: "readOnly", isReadOnly: true })
  const tree = await zinc(["tree", seeds[0]!])
  expect([tree.code, tree.stderr]).toEqual([0, expect.stringContaining("read-only: no majority of the voters")])
  expect(tree.stdout).toMatch(/ (root|relay), voter /)
  const doctor = await zinc(["doctor", seeds[0]!, "--json"])
  expect(doctor.code).toBe(1)
  expect(jsonLines(doctor.stdout).find(each => each.check === "ordered topics")).toMatchObject({ status: "fail" })
})
