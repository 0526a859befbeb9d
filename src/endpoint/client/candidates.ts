/**
 * Whom to dial after a loss, in which order. The host itself once; then, as DESIGN §7 has it, the first in its succession
 * asks the host above it for the dead one's place, and the others join that successor; then the hosts further up, those
 * who may become root, and the addresses the user gave. Whoever lost the host with us thinks the same, so that a dead
 * relay's children meet again instead of running one host down.
 */
import { equalBytes } from "../../core/bytes.ts"
import type { Random } from "../../core/random.ts"
import { parseAddress } from "../../transport/address.ts"
import type { Candidate, LineageLists } from "../lineage.ts"

/** One host to ask. */
export interface Step {
  readonly address: string
  /** Who is expected there; undefined where the user said to dial. */
  readonly id: Uint8Array | undefined
  /** How long to wait before, so that not all come at once. */
  readonly waitMs: number
  /** The longest that it may take; undefined for what the user allows. */
  readonly timeoutMs: number | undefined
  /** The dead host whose place is asked for. */
  readonly takeover: Uint8Array | undefined
}

export interface ReturnPlan {
  readonly lineage: LineageLists
  readonly self: Uint8Array
  /** What the user gave. */
  readonly addresses: readonly string[]
  /** Schemes that the transport can dial. */
  readonly schemes: readonly string[]
  /** The host that is lost. */
  readonly lost: { readonly address: string; readonly id: Uint8Array | undefined }
  /** It does not answer though its connection stands: there is no use in dialling it first. */
  readonly isSilent: boolean
  readonly random: Random
}

/** An address and nothing more. */
export function plainStep(address: string): Step {
  return { address, id: undefined, waitMs: 0, timeoutMs: undefined, takeover: undefined }
}

/** Rounds after which a host is given no more time than before. */
const patienceRounds = 2

/**
 * The same with more time for an answer, after so many rounds in which somebody did not answer in time: on a machine or a
 * network that is too busy nobody does, and whoever gives up soon and asks again makes it busier still.
 */
export function withPatience(step: Step, slowRounds: number): Step {
  if (step.timeoutMs === undefined || slowRounds === 0) return step
  return { ...step, timeoutMs: step.timeoutMs * 2 ** Math.min(slowRounds, patienceRounds) }
}

/** The host is dialled once for that long when there are others to ask. */
const sameHostMs = 500
/** A candidate that takes longer is as good as dead. */
const candidateMs = 1500
/** Successors asked before the host above is. */
const successorsMax = 4
/** Within that time those come who ask one host without knowing of a successor. */
const spreadMs = 50
/** Addresses dialled of one candidate. */
const addressesPerCandidate = 2

/** Whether there is anybody to ask but the host and the addresses that the user gave. */
export function hasOthers(plan: Omit<ReturnPlan, "random" | "isSilent">): boolean {
  const { lineage, self } = plan
  return [...lineage.ancestors, ...lineage.voters].some(
    candidate =>
      !equalBytes(candidate.endpointId, self) &&
      !isLost(candidate, plan) &&
      dialable(candidate.addresses, plan).length > 0,
  )
}

/** A voter is told by its addresses only: it is the lost host if that was dialled there, or is said to listen there. */
function isLost(
  { endpointId, addresses }: Candidate,
  { lost, lineage }: Pick<ReturnPlan, "lost" | "lineage">,
): boolean {
  const { id } = lost
  if (endpointId.length > 0) return id !== undefined && equalBytes(endpointId, id)
  const known = id === undefined ? undefined : lineage.ancestors.find(host => equalBytes(host.endpointId, id))
  return addresses.some(address => address === lost.address || known?.addresses.includes(address))
}

/** The steps, best first; each address once. */
export function planReturn(plan: ReturnPlan): Step[] {
  const { lineage, self, lost, isSilent, random } = plan
  const steps: Step[] = []
  const add = (address: string, more: Partial<Pick<Step, "id" | "waitMs" | "timeoutMs" | "takeover">>): void => {
    if (steps.some(step => step.address === address)) return
    steps.push({ address, id: undefined, waitMs: 0, timeoutMs: candidateMs, takeover: undefined, ...more })
  }
  const addCandidate = (candidate: Candidate, more: Partial<Pick<Step, "waitMs" | "takeover">> = {}) => {
    const { endpointId, addresses } = candidate
    if (equalBytes(endpointId, self) || isLost(candidate, plan)) return
    for (const address of dialable(addresses, plan)) add(address, { id: endpointId, ...more })
  }

  const others = hasOthers(plan)
  const same = { id: lost.id, timeoutMs: others ? sameHostMs : undefined }
  if (!isSilent) add(lost.address, same)
  const { ancestors, succession, voters } = lineage
  const above = ancestors.filter(({ endpointId }) => lost.id === undefined || !equalBytes(endpointId, lost.id))
  const grandparent = above.at(-1)
  if (grandparent !== undefined) {
    const rank = succession.findIndex(({ endpointId }) => equalBytes(endpointId, self))
    const before = (rank < 0 ? succession : succession.slice(0, rank)).slice(0, successorsMax)
    for (const successor of before) addCandidate(successor)
    addCandidate(grandparent, rank < 0 ? { waitMs: random.below(spreadMs) } : { takeover: lost.id })
  }
  for (const ancestor of [...above].reverse()) addCandidate(ancestor, { waitMs: random.below(spreadMs) })
  for (const voter of voters) addCandidate(voter)
  if (isSilent) add(lost.address, same)
  for (const address of plan.addresses) add(address, { timeoutMs: undefined })
  return steps
}

/** The way to hosts that our own has named: in its order, each address once. A relay may have its host's place. */
export function stepsTo(
  candidates: readonly Candidate[],
  plan: Pick<ReturnPlan, "self" | "lost" | "schemes"> & { readonly isRelay: boolean },
): Step[] {
  const { self, lost, isRelay } = plan
  return candidates
    .filter(({ endpointId }) => !equalBytes(endpointId, self))
    .flatMap(({ endpointId, addresses }) =>
      dialable(addresses, plan).map(address => ({
        address,
        id: endpointId,
        waitMs: 0,
        timeoutMs: candidateMs,
        takeover: isRelay ? lost.id : undefined,
      })),
    )
}

/** Those that the transport can dial: first those like the address that led to the host, and of them a few. */
function dialable(addresses: readonly string[], { schemes, lost }: Pick<ReturnPlan, "schemes" | "lost">): string[] {
  const ours = schemeOf(lost.address)
  return addresses
    .filter(address => schemes.includes(schemeOf(address) ?? ""))
    .sort((a, b) => Number(schemeOf(b) === ours) - Number(schemeOf(a) === ours))
    .slice(0, addressesPerCandidate)
}

function schemeOf(address: string): string | undefined {
  try {
    return parseAddress(address).scheme
  } catch {
    return undefined
  }
}
