/** The tree drawn for people: a line per endpoint, and of many clients of one host the first few. */
import type { EndpointId, RosterEntry } from "../../index.ts"
import { type Colours, printable } from "../output.ts"
import { count, duration, shownWidth, size, table } from "../table.ts"
import { type Branch, branchesOf, totalsOf } from "./tree-branches.ts"

export interface PictureOptions {
  readonly entries: readonly RosterEntry[]
  /** Who looks. */
  readonly self: EndpointId
  readonly colours: Colours
  /** Lines for endpoints; more are summed up. Default all. */
  readonly lines?: number
}

const heading = ["", "role", "state", "clients", "in/s", "out/s", "in", "out", "behind", "loop", "round trip", "at"]
/** Numbers stand below each other, and stay where they are while they change. */
const widths = [0, 0, 0, 7, 7, 7, 9, 9, 7, 7, 10]

export function treePicture(options: PictureOptions): string {
  const { entries, colours, lines = Number.POSITIVE_INFINITY } = options
  const rows: string[][] = [heading.map(each => colours.dim(each))]
  const roots = branchesOf(entries)
  const perHost = clientsPerHost(roots, lines)
  for (const root of roots) draw(root, "", "", "")
  return table(rows.map(row => row.map((cell, column) => aligned(cell, widths[column] ?? 0))))

  function draw({ entry, children }: Branch, before: string, own: string, below: string): void {
    rows.push(rowOf(entry, `${before}${own}`, options))
    const hosts = children.filter(each => each.entry.role !== "client")
    const clients = children.filter(each => each.entry.role === "client")
    // Whoever looks finds itself, however many there are.
    clients.sort((a, b) => Number(b.entry.id === options.self) - Number(a.entry.id === options.self))
    const shown = [...hosts, ...clients.slice(0, perHost)]
    const rest = clients.slice(perHost)
    for (const [i, child] of shown.entries()) {
      const isLast = i === shown.length - 1 && rest.length === 0
      draw(child, `${before}${below}`, isLast ? "└ " : "├ ", isLast ? "  " : "│ ")
    }
    if (rest.length > 0) rows.push(summed(rest, `${before}${below}└ `, colours))
  }
}

/** How many clients of each host have a line of their own, so that all fits; hosts always have one. */
function clientsPerHost(roots: readonly Branch[], lines: number): number {
  const clients: number[] = []
  let hosts = 0
  const look = ({ entry, children }: Branch) => {
    if (entry.role !== "client" || children.length > 0) hosts++
    clients.push(children.filter(each => each.entry.role === "client").length)
    for (const child of children) look(child)
  }
  for (const root of roots) look(root)
  const most = clients.reduce((most, each) => Math.max(most, each), 0)
  for (let each = most; each > 0; each--) {
    // One more line sums up those that have none.
    if (clients.reduce((sum, those) => sum + Math.min(those, each) + Number(those > each), hosts) <= lines) return each
  }
  return 0
}

function aligned(cell: string, width: number): string {
  return " ".repeat(Math.max(0, width - shownWidth(cell))) + cell
}

function rowOf(entry: RosterEntry, branch: string, { self, colours }: PictureOptions): string[] {
  const { role, isVoter, state, clients, rates, queueLagMs, loopLagMs, roundTripMs, addresses } = entry
  const name = printable(entry.name)
  const paintRole = role === "root" ? colours.green : role === "relay" ? colours.cyan : colours.dim
  const paint = state === "away" ? colours.red : state === "degraded" ? colours.yellow : (text: string) => text
  return [
    `${colours.dim(branch)}${role === "client" ? name : colours.bold(name)}${entry.id === self ? colours.dim(" (you)") : ""}`,
    paintRole(isVoter ? `${role}, voter` : role),
    paint(state),
    role === "client" ? "" : count(clients),
    rate(rates.messagesIn, colours),
    rate(rates.messagesOut, colours),
    octets(rates.bytesIn),
    octets(rates.bytesOut),
    late(queueLagMs, colours),
    late(loopLagMs, colours),
    roundTripMs === undefined ? "" : duration(roundTripMs),
    colours.dim(addresses.map(printable).join(" ")),
  ]
}

function summed(rest: readonly Branch[], branch: string, colours: Colours): string[] {
  const sum = (of: (entry: RosterEntry) => number) => rest.reduce((all, each) => all + of(each.entry), 0)
  const away = rest.filter(each => each.entry.state === "away").length
  const worst = rest.reduce((most, each) => Math.max(most, each.entry.queueLagMs), 0)
  return [
    `${colours.dim(branch)}${colours.dim(`… ${count(rest.length)} more`)}`,
    colours.dim("client"),
    away === 0 ? "" : colours.red(`${away} away`),
    "",
    rate(
      sum(each => each.rates.messagesIn),
      colours,
    ),
    rate(
      sum(each => each.rates.messagesOut),
      colours,
    ),
    octets(sum(each => each.rates.bytesIn)),
    octets(sum(each => each.rates.bytesOut)),
    late(worst, colours),
    "",
    "",
    "",
  ]
}

/** One line on the whole of it. */
export function headLine(entries: readonly RosterEntry[], colours: Colours, isReadOnly = false): string {
  const { endpoints, relays, depth, degree, epoch, away } = totalsOf(entries)
  const all = [
    `${count(endpoints)} endpoints`,
    `${count(relays)} ${relays === 1 ? "relay" : "relays"}`,
    `${depth} deep`,
    `at most ${count(degree)} at one host`,
    `epoch ${epoch}`,
  ]
  if (away > 0) all.push(colours.red(`${count(away)} away`))
  if (isReadOnly) all.push(colours.red("read-only: no majority of the voters"))
  return all.join(colours.dim(" · "))
}

/** A line that wraps would spoil the redrawing: it is cut, without its colours. */
export function clipped(line: string, columns: number): string {
  if (shownWidth(line) < columns) return line
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
  const plain = line.replace(/\u001b\[[0-9;]*m/g, "")
  let cut = ""
  for (const character of plain) {
    if (shownWidth(cut + character) > columns - 2) break
    cut += character
  }
  return `${cut}…`
}

function rate(perSecond: number, colours: Colours): string {
  return perSecond === 0 ? colours.dim("0") : count(perSecond)
}

function octets(perSecond: number): string {
  return perSecond === 0 ? "" : size(perSecond)
}

/** What is a heartbeat or so is nothing. */
function late(ms: number, colours: Colours): string {
  return ms < 20 ? "" : ms < 1000 ? duration(ms) : colours.yellow(duration(ms))
}
