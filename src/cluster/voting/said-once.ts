/** What was said already, so that it is said once, however often and by however many it is caused. */

/** Different things that are remembered. */
export const saidMax = 256

export class SaidOnce {
  readonly #said = new Set<string>()

  /** Whether that is to be said: "new" the first time; "last" where nothing new will be told from the old any more; then "no". */
  say(what: string): "new" | "last" | "no" {
    if (this.#said.has(what) || this.#said.size > saidMax) return "no"
    this.#said.add(what)
    return this.#said.size > saidMax ? "last" : "new"
  }
}
