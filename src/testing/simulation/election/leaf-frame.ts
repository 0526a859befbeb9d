/** What leaves and the root say to each other in the simulation of elections: the least that ordered streams need. */
import type { OrderedEntry, StreamPlace, VoterFrame } from "../../../cluster/election/index.ts"

export type LeafFrame =
  /** A leaf proposes; `lowest` is the lowest number it still keeps. */
  | {
      readonly type: "submit"
      readonly stream: string
      readonly sequence: number
      readonly lowest: number
    }
  /** A leaf lacks what follows that place in the stream. */
  | { readonly type: "repair"; readonly stream: string; readonly after: number }
  | { readonly type: "order"; readonly epoch: number; readonly entry: OrderedEntry }
  | {
      readonly type: "ack"
      readonly epoch: number
      readonly stream: string
      readonly sequence: number
      readonly tier: "rooted" | "replicated"
    }
  /** Where each stream stands, and in which reigns it came there. */
  | {
      readonly type: "mark"
      readonly epoch: number
      readonly places: ReadonlyMap<string, StreamPlace>
    }
  | { readonly type: "notRoot"; readonly root: string | undefined }

export type MachineFrame = { readonly voter: VoterFrame } | { readonly leaf: LeafFrame }
