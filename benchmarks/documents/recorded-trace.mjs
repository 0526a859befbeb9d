// Real editing sessions, one author each, from the public collection described beside the traces. They are not part of
// this repository: ZINC_TRACES names their folder, `shared/traces` beside the repository otherwise.
import { createHash } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { gunzipSync } from "node:zlib"

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
export const folder = process.env.ZINC_TRACES ?? join(dirname(repository), "shared", "traces")

const fileOf = name => join(folder, `${name}.json.gz`)
export const present = name => existsSync(fileOf(name))

/** The first `limit` transactions: each a list of [position, deleted, inserted], in UTF-16 code units. */
export function load(name, limit = Number.POSITIVE_INFINITY) {
  const { startContent, txns } = JSON.parse(gunzipSync(readFileSync(fileOf(name))).toString())
  if (startContent !== "") throw new Error(`${name} does not begin empty`)
  const transactions = txns.slice(0, limit).map(({ patches }) => patches)
  // The recordings count code points. Where every character is one code unit the two are the same.
  const wide = transactions.some(patches => patches.some(([, , text]) => /[\ud800-\udfff]/.test(text)))
  if (wide) throw new Error(`${name} has characters outside the basic plane; this bench does not map their positions`)
  return transactions
}

export const digestOf = text => createHash("sha1").update(text).digest("hex")
