/** What the demo and its processes tell each other. */
import type { ReplicaState } from "../replay/replay-message.ts"
import type { TransportName } from "../transport-choice.ts"

export type ToDemoWorker =
  | { readonly type: "host"; readonly name: string; readonly listen: readonly string[] }
  | { readonly type: "join"; readonly name: string; readonly address: string; readonly transport: TransportName }
  /** Write these paragraphs at this many edits a second. */
  | { readonly type: "write"; readonly paragraphs: readonly number[]; readonly editsPerSecond: number }
  /** From now on report the state of the replica whenever it changes. */
  | { readonly type: "compare" }
  | { readonly type: "close" }

export type FromDemoWorker =
  | { readonly type: "hosting"; readonly addresses: readonly string[] }
  | { readonly type: "joined" }
  | { readonly type: "pulse"; readonly pulse: Pulse }
  | { readonly type: "finished"; readonly edits: number }
  | { readonly type: "state"; readonly state: ReplicaState }
  /** At the host: somebody came or went. */
  | {
      readonly type: "peer"
      readonly name: string
      readonly change: "joined" | "left" | "back"
      readonly reason: string
    }

/** How a process is, a few times a second. */
export interface Pulse {
  /** Edits made here so far. */
  readonly edits: number
  /** Characters of the text here. */
  readonly length: number
  /** At the host: how many peers it has. */
  readonly peers: number
  /** Milliseconds from the sending of beats at other processes to their handling here, since the last pulse. */
  readonly latencies: readonly number[]
}
