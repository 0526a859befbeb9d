import type { World } from "./world.ts"

/** Declares one test on a fresh subject. */
export type DeclareTest = (name: string, test: (world: World) => Promise<void>) => void
