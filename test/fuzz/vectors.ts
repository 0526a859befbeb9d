/** The golden vectors of docs/protocol as octets: where mutation begins. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fromHex, utf8 } from "../../src/core/bytes.ts"

/** The repository's root, whence both the tests and `npm run fuzz` are started. */
const folder = join(process.cwd(), "docs/protocol/vectors")

export function vectors<T>(file: string): T {
  return JSON.parse(readFileSync(join(folder, file), "utf8")) as T
}

/** Every `hex` anywhere in a file. */
export function allHex(file: string): Uint8Array[] {
  return gathered(file, "hex").map(fromHex)
}

/** Every `text` anywhere in a file. */
export function allText(file: string): Uint8Array[] {
  return gathered(file, "text").map(text => utf8(text))
}

function gathered(file: string, field: string): string[] {
  const found: string[] = []
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return
    for (const [name, inner] of Object.entries(value)) {
      if (name === field && typeof inner === "string") found.push(inner)
      else look(inner)
    }
  }
  look(vectors(file))
  return found
}
