/** What a repair request asks for, and what its answer says is lost (L6). */
export interface Range {
  /** A whole topic or a prefix. */
  readonly topic: Uint8Array
  /** Publish numbers: above this one, up to and including that one. */
  readonly after: number
  readonly through: number
}
