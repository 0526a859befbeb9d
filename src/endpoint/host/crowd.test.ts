import { expect, it } from "vitest"
import { Crowd } from "./crowd.ts"

it("A crowd cuts its oldest for one too many, and not one that has left", () => {
  const cut: number[] = []
  const crowd = new Crowd<string>(3, connection => cut.push(connection))
  for (const connection of [1, 2, 3]) crowd.arrive(connection, "")
  crowd.delete(1)
  crowd.arrive(4, "")
  expect(cut).toEqual([])
  crowd.arrive(5, "")
  expect(cut).toEqual([2])
  expect([...crowd.keys()]).toEqual([3, 4, 5])
})
