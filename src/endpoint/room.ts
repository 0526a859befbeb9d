/** What there is room for below a host, in numbers: what a relay tells the host above of itself. */
import type { Room } from "../message/control.ts"

/** `free` in its own cluster, `below` in those under it, the nearest of all `levels` links away; how large it is; and what it could take beyond (`spare`). */
export type RoomNumbers = Pick<Room, "free" | "below" | "levels" | "height" | "size" | "spare">

export const noRoom: RoomNumbers = { free: 0, below: 0, levels: 0, height: 0, size: 1, spare: 0 }

/** Beyond that, more or less room makes no difference; sums of what many relays tell stay far below what a message can say. */
const numberMax = 1_000_000_000
const levelsMax = 64

/** As it may be told, or was told by whoever may tell anything. */
export function boundedRoom({ free, below, levels, height, size, spare }: RoomNumbers): RoomNumbers {
  return {
    free: Math.min(free, numberMax),
    below: Math.min(below, numberMax),
    levels: Math.min(levels, levelsMax),
    height: Math.min(height, levelsMax),
    size: Math.min(size, numberMax),
    spare: Math.min(spare, numberMax),
  }
}

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
