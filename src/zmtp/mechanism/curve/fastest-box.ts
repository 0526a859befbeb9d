/** The fastest box there is here: libsodium's where its package is installed, else the plain one. Loaded once. */
import type { Box } from "./box.ts"
import { nobleBox } from "./noble-box.ts"
import { SodiumBox } from "./sodium-box.ts"

let loading: Promise<Box> | undefined

export function fastestBox(): Promise<Box> {
  loading ??= SodiumBox.load().catch(() => nobleBox)
  return loading
}
