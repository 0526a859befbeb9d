import { describe, expect, it } from "vitest"
import { Place } from "./place.ts"

const id = (fill: number) => new Uint8Array(16).fill(fill)

describe("Place", () => {
  it("is the root of the tree it founded", () => {
    const place = new Place(id(1))
    expect([place.isAttached, place.depth, place.path]).toEqual([false, 0, [id(1)]])
    place.founded("zinc", id(9))
    expect([place.isAttached, place.tree, place.depth]).toEqual([true, "zinc", 0])
  })

  it("hangs at the end of the path it was given, and tells when that changes", () => {
    const place = new Place(id(3))
    let moved = 0
    place.onMoved(() => moved++)
    place.attached([id(1), id(2)], "zinc", id(9))
    place.attached([id(1), id(2)], "zinc", id(9))
    expect([moved, place.depth, place.path]).toEqual([1, 2, [id(1), id(2), id(3)]])
    place.moved([id(1)])
    expect([moved, place.version, place.depth]).toEqual([2, 2, 1])
  })

  it("keeps its path when it is cut off, and knows that it is", () => {
    const place = new Place(id(3))
    place.attached([id(1)], "zinc", id(9))
    place.detached()
    expect([place.isAttached, place.path]).toEqual([false, [id(1), id(3)]])
  })

  it("is below those above it, and itself", () => {
    const place = new Place(id(3))
    place.attached([id(1), id(2)], "zinc", id(9))
    expect([1, 2, 3, 4].map(fill => place.isBelow(id(fill)))).toEqual([true, true, true, false])
  })
})
