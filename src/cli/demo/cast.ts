/** Who plays in the demo, and over what. */
import type { TransportName } from "../transport-choice.ts"

export const demoDocument = "story"
export const hostName = "halden"

export interface Player {
  readonly name: string
  readonly transport: TransportName
  readonly carrier: "tcp" | "ipc"
}

/** From the start. */
export const clients: readonly Player[] = [
  { name: "marit", transport: "zmtp", carrier: "tcp" },
  { name: "ysolde", transport: "native", carrier: "tcp" },
  { name: "anders", transport: "zmtp", carrier: "ipc" },
  { name: "brita", transport: "native", carrier: "ipc" },
  { name: "jorun", transport: "zmtp", carrier: "tcp" },
  { name: "torvald", transport: "zmtp", carrier: "ipc" },
]
/** The one of them that is killed. */
export const victim = "jorun"
/** Joins when the story is half written, and finishes what the victim left. */
export const latecomer: Player = { name: "ketil", transport: "native", carrier: "tcp" }

/** Which paragraphs each writes: dealt like cards. */
export function parts(paragraphs: number, writers: number): number[][] {
  const dealt: number[][] = Array.from({ length: writers }, () => [])
  for (let paragraph = 0; paragraph < paragraphs; paragraph++) dealt[paragraph % writers]!.push(paragraph)
  return dealt
}

/** What this machine can do of what a player would like to. */
export function within({ native, ipc }: { readonly native: boolean; readonly ipc: boolean }, player: Player): Player {
  return { ...player, transport: native ? player.transport : "zmtp", carrier: ipc ? player.carrier : "tcp" }
}
