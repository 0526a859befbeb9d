/** Makes a failing fault script smaller: what is not needed for the failure is left out (delta debugging). */

/**
 * The smallest part of the script found that still fails, in its order. `fails` is called up to `limit` times; a part is
 * smallest when leaving out any one of its faults makes it pass, unless the limit came first.
 */
export async function shrinkScript<Fault>(
  script: readonly Fault[],
  fails: (part: readonly Fault[]) => boolean | Promise<boolean>,
  limit = 200,
): Promise<readonly Fault[]> {
  let kept = script
  let tries = 0
  let size = Math.ceil(kept.length / 2)
  while (size >= 1 && tries < limit) {
    let shrunk = false
    for (let at = 0; at < kept.length && tries < limit; ) {
      const part = [...kept.slice(0, at), ...kept.slice(at + size)]
      tries++
      if (await fails(part)) {
        kept = part
        shrunk = true
      } else at += size
    }
    if (size === 1 && !shrunk) break
    size = size === 1 ? 1 : Math.ceil(size / 2)
  }
  return kept
}
