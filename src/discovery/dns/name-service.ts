/** The one place where names are resolved. */
import { ADDRCONFIG } from "node:dns"
import { lookup, Resolver, resolveSrv } from "node:dns/promises"
import { parseServers, serverText } from "../../external/server-list.ts"

export interface ServiceTarget {
  readonly name: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

export interface NameService {
  addresses(name: string): Promise<readonly string[]>
  targets(name: string): Promise<readonly ServiceTarget[]>
  /** Ends what waits. */
  cancel(): void
}

/** Without servers: as this machine resolves names, its hosts file included. Throws `BadAddress`. */
export function openNameService(servers: readonly string[] | undefined): NameService {
  if (servers === undefined) {
    return {
      addresses: async name => (await lookup(name, { all: true, hints: ADDRCONFIG })).map(({ address }) => address),
      targets: resolveSrv,
      cancel: () => {},
    }
  }
  const resolver = new Resolver({ timeout: 1_000, tries: 2 })
  resolver.setServers(parseServers(servers, 53).map(serverText))
  return {
    async addresses(name) {
      const asked = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
      const found = asked.flatMap(each => (each.status === "fulfilled" ? each.value : []))
      const failed = asked.find(each => each.status === "rejected" && !isAbsence(each.reason))
      if (found.length === 0 && failed?.status === "rejected") throw failed.reason
      return found
    },
    targets: name => resolver.resolveSrv(name),
    cancel: () => resolver.cancel(),
  }
}

function isAbsence(error: unknown): boolean {
  return ["ENODATA", "ENOTFOUND"].includes(String((error as { code?: unknown }).code))
}
