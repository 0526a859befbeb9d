/** `zinc doctor [ADDRESS]`: finds what is wrong on this machine, and on the way to a host. */
import type { Command } from "commander"
import { type CheckResult, type CheckStatus, examine } from "../doctor/check.ts"
import { checkClock, checkEventLoop, checkNode, checkOpenFiles } from "../doctor/machine.ts"
import { ExitCode } from "../exit-code.ts"
import type { Output } from "../output.ts"
import { type CommonOptions, type Ending, withAction } from "../shell.ts"
import { table } from "../table.ts"

export function addDoctor(program: Command, ending: Ending): void {
  const command = program
    .command("doctor")
    .description("find what is wrong: this machine, its transports, and a host if one is named")
    .addHelpText("after", examples)
  withAction<CommonOptions>(command, ending, async ({ output }) => {
    const results: CheckResult[] = []
    const look = async (...check: Parameters<typeof examine>) => {
      const result = await examine(...check)
      results.push(result)
      output.result({ ...result }, undefined)
    }
    await look("node", () => checkNode(process.version))
    await look("clock", () => checkClock())
    await look("event loop", () => checkEventLoop())
    await look("open files", checkOpenFiles)
    report(output, results)
    return results.some(each => each.status === "fail") ? ExitCode.Failed : ExitCode.Ok
  })
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
