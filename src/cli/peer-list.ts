/** Who is there. Clients know their host only, so a `zinc host` answers the question for its cluster. */
import type { Endpoint, PeerInfo } from "../index.ts"
import { printable } from "./output.ts"
import { duration, table } from "./table.ts"

/** The request that a `zinc host` answers with its peers. */
const peersTopic = "zinc.peers"

export type PeerRow = Pick<PeerInfo, "id" | "name" | "state"> & {
  readonly role: Endpoint["role"]
  readonly remote: string
  readonly roundTripMs: number | null
}

export function answerPeers(host: Endpoint): void {
  host.handle(peersTopic, () => rowsOf(host))
}

/** Everyone in the cluster when the host answers; else those this endpoint knows. */
export async function listPeers(endpoint: Endpoint, signal?: AbortSignal): Promise<readonly PeerRow[]> {
  const host = endpoint.peers.find(each => each.role === "host")
  if (host === undefined || host.state === "away") return rowsOf(endpoint)
  try {
    const options = { deadlineMs: 2_000, ...(signal === undefined ? {} : { signal }) }
    const rows = (await endpoint.request(host.id, peersTopic, null, options)) as PeerRow[]
    if (Array.isArray(rows)) return rows
  } catch {
    // A host of another program need not answer this.
  }
  return rowsOf(endpoint)
}

function rowsOf(endpoint: Endpoint): PeerRow[] {
  const self: PeerRow = {
    id: endpoint.id,
    name: endpoint.name,
    role: endpoint.role,
    state: "up",
    remote: endpoint.addresses.join(" "),
    roundTripMs: null,
  }
  return [
    self,
    ...endpoint.peers.map(({ id, name, role, state, remote, roundTripMs }) => ({
      id,
      name,
      role,
      state,
      remote,
      roundTripMs: roundTripMs ?? null,
    })),
  ]
}

export function peerTable(rows: readonly PeerRow[], self: string): string {
  return table(
    rows.map(each => [
      `${printable(each.name)}${each.id === self ? " (you)" : ""}`,
      each.role,
      each.state,
      each.roundTripMs === null ? "" : duration(each.roundTripMs),
      each.remote,
    ]),
  )
}
