/**
 * Throws damaged octets at every place where octets of strangers arrive; see docs/security.md.
 *
 *   npm run fuzz                                   all targets, for a minute in all
 *   npm run fuzz -- --target frames --time 600     one or several (with commas), for that many seconds in all
 *   npm run fuzz -- --seed 7 --json                other chances; figures as JSON
 *   npm run fuzz -- --target frames --input FILE   one input again, as a finding says
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { fromHex, toHex } from "../../src/core/bytes.ts"
import { type CampaignResult, campaign, type Finding, repeat } from "./campaign.ts"
import { Coverage } from "./coverage.ts"
import type { FuzzTarget } from "./target.ts"
import { prepareBox, targets } from "./targets.ts"

const options = {
  seed: { type: "string", default: "1" },
  time: { type: "string", default: "60" },
  inputs: { type: "string" },
  target: { type: "string" },
  json: { type: "boolean", default: false },
  "no-coverage": { type: "boolean", default: false },
  input: { type: "string" },
  hex: { type: "string" },
  cut: { type: "string", default: "0" },
  list: { type: "boolean", default: false },
} as const
const { values } = read()

function read() {
  try {
    return parseArgs({ options })
  } catch (thrown) {
    console.error(`${String((thrown as Error).message).split(". ")[0]}; --help says which options there are`)
    process.exit(2)
  }
}

/** Written into a command where they are short, else into a file. */
const hexMax = 2_000

const wanted = chosen(values.target)
await prepareBox()
if (values.list) {
  for (const target of wanted) console.log(`${target.name.padEnd(18)} ${target.about}`)
} else if (values.hex !== undefined || values.input !== undefined) await again(wanted)
else await run(wanted)

function chosen(names: string | undefined): readonly FuzzTarget[] {
  if (names === undefined) return targets
  const found = names.split(",").map(name => targets.find(each => each.name === name))
  if (found.every(each => each !== undefined)) return found
  console.error(`there is no such target; the targets are ${targets.map(each => each.name).join(", ")}`)
  process.exit(2)
}

async function again([target]: readonly FuzzTarget[]): Promise<void> {
  const bytes = values.hex === undefined ? new Uint8Array(readFileSync(values.input!)) : fromHex(values.hex)
  const outcome = await repeat(target!, { bytes, cut: Number(values.cut) })
  console.log(typeof outcome === "string" ? `${target!.name}: ${outcome}` : (outcome.stack ?? outcome.message))
  process.exitCode = typeof outcome === "string" ? 0 : 1
}

async function run(aims: readonly FuzzTarget[]): Promise<void> {
  const seed = Number(values.seed)
  const coverage = values["no-coverage"] ? undefined : new Coverage(url => url.includes("zinc-fuzz"))
  const share = (Number(values.time) * 1_000) / aims.length
  const rows: (CampaignResult & { readonly seconds: number; readonly reached: number | undefined })[] = []
  for (const target of aims) {
    const before = coverage?.reached ?? 0
    const started = performance.now()
    const result = await campaign(target, {
      seed,
      ...(values.inputs === undefined
        ? { isOver: () => performance.now() - started > share }
        : { inputsMax: Number(values.inputs) }),
      ...(coverage && { explore: { coverage, isOver: () => performance.now() - started > share / 3 } }),
    })
    const seconds = (performance.now() - started) / 1_000
    rows.push({ ...result, seconds, reached: coverage && coverage.reached - before })
    if (!values.json) print(rows.at(-1)!)
  }
  coverage?.close()
  const findings = rows.flatMap(row => row.findings)
  const total = {
    inputs: rows.reduce((sum, row) => sum + row.inputs, 0),
    seconds: rows.reduce((sum, row) => sum + row.seconds, 0),
    findings: findings.length,
  }
  if (values.json) {
    const plain = rows.map(row => ({
      ...row,
      findings: row.findings.map(each => ({ ...each, input: commandOf(each) })),
    }))
    console.log(JSON.stringify({ seed, node: process.version, targets: plain, total }, null, 2))
  } else {
    console.log(`${"total".padEnd(18)} ${inColumns(total.inputs, total.seconds, total.findings)}`)
    for (const finding of findings) console.log(`\n${finding.target}: ${finding.error}\n  again: ${commandOf(finding)}`)
  }
  process.exitCode = findings.length > 0 ? 1 : 0
}

function print(row: CampaignResult & { readonly seconds: number; readonly reached: number | undefined }): void {
  const most = Object.entries(row.outcomes).sort((a, b) => b[1] - a[1])
  const outcomes = most.slice(0, 4).map(([name, count]) => `${name} ${Math.round((100 * count) / row.inputs)} %`)
  const reached = row.reached === undefined ? "" : `; ${row.corpus} in the corpus`
  console.log(
    `${row.target.padEnd(18)} ${inColumns(row.inputs, row.seconds, row.findings.length)}  ${outcomes.join(", ")}${reached}`,
  )
}

function inColumns(inputs: number, seconds: number, findings: number): string {
  return `${String(inputs).padStart(9)} inputs ${seconds.toFixed(1).padStart(7)} s ${String(findings).padStart(3)} findings`
}

function commandOf({ target, input }: Finding): string {
  const cut = input.cut === 0 ? "" : ` --cut ${input.cut}`
  if (input.bytes.length * 2 <= hexMax) return `npm run fuzz -- --target ${target} --hex ${toHex(input.bytes)}${cut}`
  const folder = join(tmpdir(), "zinc-fuzz-findings")
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${target}-${input.bytes.length}-${toHex(input.bytes.subarray(0, 8))}.bin`)
  writeFileSync(file, input.bytes)
  return `npm run fuzz -- --target ${target} --input ${file}${cut}`
}
