/** `zinc doctor [ADDRESS]`: finds what is wrong on this machine, and on the way to a host. */
import type { Command } from "commander"
import type { Endpoint } from "../../index.ts"
import { checkAddress, type JoinChoices, openClient, withJoinOptions } from "../connection.ts"
import { type CheckResult, type CheckStatus, examine, type Finding, ok, skip } from "../doctor/check.ts"
import { checkClock, checkEventLoop, checkNode, checkOpenFiles } from "../doctor/machine.ts"
import { checkHeartbeats, checkListening, checkName, checkOrder, joinFailure } from "../doctor/remote.ts"
import { checkLoopback, checkTransportLoads, roundTrip } from "../doctor/transports.ts"
import { ExitCode } from "../exit-code.ts"
import { choice } from "../option.ts"
import { type Output, printable } from "../output.ts"
import { openProgress } from "../progress.ts"
import { type Ending, type Shell, withAction } from "../shell.ts"
import { table } from "../table.ts"
import { transportNames } from "../transport-choice.ts"
import { version } from "../version.ts"

type Look = (check: string, look: () => Promise<Finding> | Finding) => Promise<CheckResult>

export function addDoctor(program: Command, ending: Ending): void {
  const command = withJoinOptions(
    program
      .command("doctor")
      .argument("[address]", "a host to look at as well")
      .description("find what is wrong: this machine, its transports, and a host if one is named")
      .addHelpText("after", examples),
  )
  withAction<JoinChoices>(command, ending, async (shell, choices, address) => {
    const { output } = shell
    choice("--transport", choices.transport, transportNames)
    if (address !== undefined) checkAddress(address, "dial")
    const results: CheckResult[] = []
    const progress = await openProgress(output, "looking")
    const look: Look = async (check, how) => {
      progress.say(check)
      const result = await examine(check, how)
      results.push(result)
      if (output.json) output.result({ ...result }, undefined)
      return result
    }
    try {
      await lookAtMachine(look)
      await lookAtTransports(look)
      if (address !== undefined) await lookAtHost(look, shell, address, choices)
    } finally {
      progress.end()
    }
    report(output, results)
    return results.some(each => each.status === "fail") ? ExitCode.Failed : ExitCode.Ok
  })
}

async function lookAtMachine(look: Look): Promise<void> {
  await look("zinc", () => ok(version))
  await look("node", () => checkNode(process.version))
  await look("clock", () => checkClock())
  await look("event loop", () => checkEventLoop())
  await look("open files", checkOpenFiles)
}

async function lookAtTransports(look: Look): Promise<void> {
  for (const name of transportNames) {
    const loads = await look(name, () => checkTransportLoads(name))
    for (const scheme of ["tcp", "ipc"] as const) {
      await look(`${name}, ${scheme}`, () => {
        if (loads.status !== "ok") return skip("the transport does not load")
        if (scheme === "ipc" && process.platform === "win32") return skip("there is no ipc on Windows")
        return checkLoopback(name, scheme)
      })
    }
  }
}

async function lookAtHost(look: Look, shell: Shell, address: string, choices: JoinChoices): Promise<void> {
  await look("name", () => checkName(address))
  const listening = await look("listening", () => checkListening(address))
  let client: Endpoint | undefined
  await look("join", async () => {
    if (listening.status === "fail") return skip("nothing to join")
    try {
      const begun = performance.now()
      client = await openClient(shell, address, { ...choices, name: choices.name ?? "doctor" }, { reconnect: false })
      const host = client.peers.find(each => each.role === "host")
      return ok(`accepted by ${printable(host?.name ?? "the host")} in ${(performance.now() - begun).toFixed(1)} ms`)
    } catch (error) {
      return joinFailure(error, choices.token !== undefined || process.env.ZINC_TOKEN !== undefined)
    }
  })
  const joined = client
  await look("round trip", async () =>
    joined === undefined ? skip("not joined") : ok(`${(await roundTrip(joined)).toFixed(2)} ms (median of 7)`),
  )
  await look("heartbeats", () => (joined === undefined ? skip("not joined") : checkHeartbeats(joined)))
  await look("ordered topics", () => (joined === undefined ? skip("not joined") : checkOrder(joined)))
  await joined?.close({ timeoutMs: 1_000 })
}

function report(output: Output, results: readonly CheckResult[]): void {
  if (output.json) {
    const counts = { ok: 0, warn: 0, fail: 0, skip: 0 }
    for (const { status } of results) counts[status]++
    output.result({ healthy: counts.fail === 0, ...counts }, undefined)
    return
  }
  const { colours } = output
  const paint: Readonly<Record<CheckStatus, (text: string) => string>> = {
    ok: colours.green,
    warn: colours.yellow,
    fail: colours.red,
    skip: colours.dim,
  }
  output.result({}, table(results.map(({ check, status, found }) => [paint[status](status), check, found])))
  const todo = results.filter(each => each.next !== undefined)
  if (todo.length === 0) output.result({}, `\n${colours.green("nothing is wrong")}`)
  else
    output.result({}, `\nWhat to do\n${table(todo.map(each => [`  ${paint[each.status](each.check)}`, each.next!]))}`)
}

const examples = `
Examples:
  zinc doctor                                  this machine
  zinc doctor tcp://hub.local:7700             and the way to a host
  zinc doctor tcp://hub.local:7700 --json      for a monitor: the last line says {"healthy":true,…}`
