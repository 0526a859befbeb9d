/** What there is room for below a host, in numbers: what a relay tells the host above of itself. */
import type { Room } from "../message/control.ts"

/** `free` in its own cluster, `below` in those under it, the nearest of all `levels` links away; how large it is; and what it could take beyond (`spare`). */
export type RoomNumbers = Pick<Room, "free" | "below" | "levels" | "height" | "size" | "spare">

export const noRoom: RoomNumbers = { free: 0, below: 0, levels: 0, height: 0, size: 1, spare: 0 }

export function sameRoom(a: RoomNumbers, b: RoomNumbers | undefined): boolean {
  return (
    b !== undefined &&
    a.free === b.free &&
    a.below === b.below &&
    a.levels === b.levels &&
    a.height === b.height &&
    a.size === b.size &&
    a.spare === b.spare
  )
}
