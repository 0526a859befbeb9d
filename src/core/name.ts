/** Names of trees, and their form in paths and keys of stores. */
import { utf8 } from "./bytes.ts"
import { ZincError } from "./errors.ts"

/** Octets of the name of a tree, an endpoint or a voter. */
export const nameBytesMax: number = 64

/** 1–64 octets of UTF-8 without control characters: what trees, endpoints and voters may be called. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && utf8(value).length <= nameBytesMax && !/\p{Cc}/u.test(value)
}

/** Throws `BadOption` for what no tree can be called. */
export function checkTreeName(tree: unknown): asserts tree is string {
  if (isName(tree)) return
  throw new ZincError("BadOption", `a tree's name has 1 to ${nameBytesMax} octets of UTF-8 without control characters`)
}

/** The tree's name as one segment of a path or key: letters, digits, "_" and "-" stay, every other octet becomes %XX. */
export function treeSegment(tree: string): string {
  let segment = ""
  for (const octet of utf8(tree)) {
    const letter = String.fromCharCode(octet)
    segment += /[A-Za-z0-9_-]/.test(letter) ? letter : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`
  }
  return segment
}
