// What of a kind has been simulated at one commit: a file of its own, so that a long run goes on where it stopped.
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { countOf, Figures, missingOf, withRange } from "../../dist/testing/simulation/index.js"

export class Tally {
  ranges = []
  figures = new Figures()
  /** Time that the whole run took, in milliseconds, over all its sittings. */
  elapsedMs = 0
  #file
  #about

  /** Goes on with what the folder has of it, unless it is to start anew. */
  constructor(folder, about, fresh = false) {
    mkdirSync(folder, { recursive: true })
    this.#about = about
    const name = [about.kind, ...Object.entries(about.options).map(([key, value]) => `${key}-${value}`), about.commit]
    this.#file = join(folder, `${name.join("_")}.json`)
    if (fresh) return
    let kept
    try {
      kept = JSON.parse(readFileSync(this.#file, "utf8"))
    } catch (error) {
      if (error.code !== "ENOENT") throw error
      return
    }
    this.ranges = kept.ranges
    this.figures = Figures.from(kept.figures)
    this.elapsedMs = kept.elapsedMs
  }

  get file() {
    return this.#file
  }

  get count() {
    return countOf(this.ranges)
  }

  add(range, figures) {
    this.ranges = withRange(this.ranges, range)
    this.figures.merge(figures)
  }

  missing(range, most) {
    return missingOf(this.ranges, range, most)
  }

  /** All or nothing: a reader never sees half a file. */
  save() {
    const { ranges, figures, elapsedMs } = this
    const draft = `${this.#file}.${process.pid}`
    writeFileSync(draft, `${JSON.stringify({ ...this.#about, elapsedMs, ranges, figures })}\n`)
    renameSync(draft, this.#file)
  }
}

/** The commit, and when files differ from it, a digest of how. */
export function commitOf(root) {
  const git = (...parameters) => execFileSync("git", parameters, { cwd: root, encoding: "utf8", stdio: "pipe" })
  try {
    const commit = git("rev-parse", "--short=12", "HEAD").trim()
    const difference = git("diff", "HEAD", "--", "src", "proto", "package-lock.json")
    const strangers = git("ls-files", "--others", "--exclude-standard", "--", "src")
    if (difference === "" && strangers === "") return commit
    const digest = createHash("sha256").update(difference)
    for (const name of strangers.split("\n").filter(each => each !== "")) digest.update(readFileSync(join(root, name)))
    return `${commit}+${digest.digest("hex").slice(0, 8)}`
  } catch {
    return "no-commit"
  }
}
