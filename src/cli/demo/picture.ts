/** The live picture of the demo. */
import type { Colours } from "../output.ts"
import { count, duration, shownWidth, table } from "../table.ts"
import type { Actor, ActorState, Stage } from "./demo-stage.ts"

const marks: Readonly<Record<ActorState, string>> = {
  starting: "…",
  hosting: "◆",
  waiting: "·",
  writing: "✎",
  done: "✓",
  killed: "✗",
}

export function picture(stage: Stage, colours: Colours, columns: number): string {
  const paint: Readonly<Record<ActorState, (text: string) => string>> = {
    starting: colours.dim,
    hosting: colours.green,
    waiting: colours.dim,
    writing: colours.cyan,
    done: colours.green,
    killed: colours.red,
  }
  const rows = stage.actors.map(actor => [
    paint[actor.state](marks[actor.state]),
    actor.role === "host" ? colours.bold(actor.name) : actor.name,
    actor.role,
    actor.transport,
    actor.carrier,
    actor.role === "host" ? "" : `${count(actor.edits)} edits`,
    `${count(actor.length)} chars`,
    latencyOf(actor),
  ])
  const head = `${colours.bold("zinc demo")}  ${progressBar(stage, colours)}  ${count(stage.edits)} edits  ${count(stage.rate)}/s  ${median(stage)}`
  const lines = [head, "", ...table(rows).split("\n"), "", ...stage.log.slice(-4).map(each => colours.dim(each))]
  return lines.map(line => clipped(line, columns)).join("\n")
}

function progressBar(stage: Stage, colours: Colours): string {
  const width = 24
  const full = Math.round(stage.progress * width)
  return colours.green("█".repeat(full)) + colours.dim("░".repeat(width - full))
}

function median(stage: Stage): string {
  const p50 = stage.latency(0.5)
  const p99 = stage.latency(0.99)
  return p50 === undefined || p99 === undefined ? "" : `latency ${duration(p50)} (p99 ${duration(p99)})`
}

function latencyOf(actor: Actor): string {
  return actor.latencyMs === undefined || actor.state === "killed" ? "" : duration(actor.latencyMs)
}

/** A line that wraps would spoil the redrawing: plain text is cut, coloured text only when it must be, without colour. */
function clipped(line: string, columns: number): string {
  if (shownWidth(line) < columns) return line
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
  return `${line.replace(/\u001b\[[0-9;]*m/g, "").slice(0, Math.max(0, columns - 2))}…`
}
