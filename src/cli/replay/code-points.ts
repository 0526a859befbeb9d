/**
 * Positions in code points, as traces have them, to positions in UTF-16 units, as JavaScript and Yjs have them. They
 * differ only after characters beyond U+FFFF, so texts without any take the short way.
 */
import type { Patch } from "./trace.ts"

/** An edit in UTF-16 units. */
export interface UnitPatch {
  readonly at: number
  readonly remove: number
  readonly insert: string
}

/** Follows a text through its patches, remembering only where its wide characters are. */
export class CodePointText {
  /** Blocks of about `blockUnits` units, with how many code points each has. */
  #blocks: { text: string; points: number }[]
  readonly #plain: boolean

  /** `plain`: neither the text nor anything that will be inserted has a character beyond U+FFFF. */
  constructor(text: string, plain = false) {
    this.#plain = plain
    this.#blocks = plain ? [] : blocksOf(text)
  }

  /** The same patch in units; the text has it from now on. The patch lies within the text. */
  apply([position, deleteCount, insert]: Patch): UnitPatch {
    if (this.#plain) return { at: position, remove: deleteCount, insert }
    const from = this.#find(position)
    const to = this.#find(position + deleteCount)
    const head = this.#blocks[from.block]?.text.slice(0, from.offset) ?? ""
    const tail = this.#blocks[to.block]?.text.slice(to.offset) ?? ""
    this.#blocks.splice(from.block, to.block - from.block + 1, ...blocksOf(head + insert + tail))
    return { at: from.unit, remove: to.unit - from.unit, insert }
  }

  #find(position: number): { block: number; offset: number; unit: number } {
    let unit = 0
    let left = position
    for (const [index, block] of this.#blocks.entries()) {
      if (left <= block.points) {
        const offset = offsetOf(block, left)
        return { block: index, offset, unit: unit + offset }
      }
      left -= block.points
      unit += block.text.length
    }
    return { block: this.#blocks.length, offset: 0, unit }
  }
}

const blockUnits = 512

function blocksOf(text: string): { text: string; points: number }[] {
  const blocks: { text: string; points: number }[] = []
  let from = 0
  while (from < text.length) {
    let to = Math.min(text.length, from + blockUnits)
    if (to < text.length && isLow(text.charCodeAt(to))) to++
    const part = text.slice(from, to)
    blocks.push({ text: part, points: pointsOf(part) })
    from = to
  }
  return blocks
}

function offsetOf(block: { text: string; points: number }, points: number): number {
  if (block.points === block.text.length) return points
  let offset = 0
  for (let left = points; left > 0; left--) offset += isLow(block.text.charCodeAt(offset + 1)) ? 2 : 1
  return offset
}

function pointsOf(text: string): number {
  let points = text.length
  for (let at = 1; at < text.length; at++) if (isLow(text.charCodeAt(at))) points--
  return points
}

function isLow(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00
}

/** Whether a text has characters beyond U+FFFF. */
export function hasWide(text: string): boolean {
  return /[\ud800-\udfff]/.test(text)
}
