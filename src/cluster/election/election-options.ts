/** How long a voter waits for what, and the rules that a simulation may leave out to see itself catch that. */
import { ZincError } from "../../core/errors.ts"

export interface ElectionTiming {
  /** Milliseconds between two heartbeats of the root. Default 250. */
  readonly heartbeatMs: number
  /** Heartbeats missed before the root is dialled anew. Default 3. */
  readonly heartbeatMisses: number
  /** How long a root has authority after it sent what a majority answered. Default 1500. */
  readonly leaseMs: number
  /** What voters wait longer than the lease; covers clocks that run at different rates. Default 150, at least a twentieth of the lease. */
  readonly marginMs: number
  /** How much later each next in succession begins, so that votes do not split. Default 20. */
  readonly staggerMs: number
  /** Time for one round of questions before it is repeated. Default 100. */
  readonly roundMs: number
  /** A candidacy that has come no further ends after that. Default 1000. */
  readonly candidacyMs: number
  /** A signer gives its candidate that long after it was last heard of before it backs another. Default 300. */
  readonly patienceMs: number
}

export const defaultTiming: ElectionTiming = {
  heartbeatMs: 250,
  heartbeatMisses: 3,
  leaseMs: 1500,
  marginMs: 150,
  staggerMs: 20,
  roundMs: 100,
  candidacyMs: 1000,
  patienceMs: 300,
}

export function checkTiming(timing: ElectionTiming): ElectionTiming {
  for (const [name, value] of Object.entries(timing) as [string, number][])
    if (!(Number.isFinite(value) && value > 0))
      throw new ZincError("BadOption", `${name} is ${value}; it must be above 0`)
  if (timing.leaseMs < 2 * timing.heartbeatMs)
    throw new ZincError(
      "BadOption",
      `leaseMs is ${timing.leaseMs}, less than two heartbeats of ${timing.heartbeatMs} ms: the root would lose it at once`,
    )
  if (timing.marginMs < timing.leaseMs / 20)
    throw new ZincError(
      "BadOption",
      `marginMs is ${timing.marginMs}; it must be at least leaseMs / 20, for clocks differ`,
    )
  return timing
}

export interface LogLimits {
  /** Octets of one entry's payload; `order` refuses a larger one with `TooLarge`. Default 1 MiB. */
  readonly entryBytes: number
  /** Committed entries kept for voters that lag. Default 10,000. */
  readonly keptEntries: number
  /** Their octets, about. Default 16 MiB. */
  readonly keptBytes: number
  /** Entries not yet committed; beyond them `order` refuses with `Full`. Default 10,000. */
  readonly pendingEntries: number
  /** Their octets. Default 16 MiB. */
  readonly pendingBytes: number
  /** Entries in one message. Default 256. */
  readonly batchEntries: number
  /** Their octets, unless it is one entry alone. Default 512 KiB. */
  readonly batchBytes: number
  /** Entries under way to one voter. Default 1,024. */
  readonly windowEntries: number
  /** Their octets; one entry may always be under way. Default 2 MiB, half of what waits for one voter at a host. */
  readonly windowBytes: number
}

export const defaultLogLimits: LogLimits = {
  entryBytes: 1024 * 1024,
  keptEntries: 10_000,
  keptBytes: 16 * 1024 * 1024,
  pendingEntries: 10_000,
  pendingBytes: 16 * 1024 * 1024,
  batchEntries: 256,
  batchBytes: 512 * 1024,
  windowEntries: 1024,
  windowBytes: 2 * 1024 * 1024,
}

/** Rules of which each is needed. Production never leaves one out; the simulator does, and must notice. */
export interface ElectionRules {
  /** R2: nothing of an epoch below the signed one is accepted. */
  readonly epochFence: boolean
  /** R2: a signature is stored before it is sent. */
  readonly durableSignature: boolean
  /** R4: the lease is checked before each act. */
  readonly leaseCheck: boolean
  /** R4: a voter that answered the root does not sign for another before lease and margin are over. */
  readonly keptPromise: boolean
  /** R4: a voter that was opened anew keeps the promise it may have made before. */
  readonly promiseOutlivesRestart: boolean
  /** R4: only a refused dial of a direct address ends a promise early. */
  readonly directOnly: boolean
  /** R2: the candidate takes over the log of the most advanced signer. */
  readonly fetchMostAdvanced: boolean
  /** R2: a candidate asks first whether a majority would sign. Without it a root that flaps is deposed. */
  readonly preVote: boolean
  /** R2: the last number per origin is kept with the log. */
  readonly originNumbers: boolean
  /** R2: an entry counts as stored only when it is. */
  readonly durableAppend: boolean
}

export const allRules: ElectionRules = {
  epochFence: true,
  durableSignature: true,
  leaseCheck: true,
  keptPromise: true,
  promiseOutlivesRestart: true,
  directOnly: true,
  fetchMostAdvanced: true,
  preVote: true,
  originNumbers: true,
  durableAppend: true,
}
