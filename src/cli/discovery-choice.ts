/** Ways to find hosts as a person writes them: `mdns:TREE`, `dns:NAME:PORT`, `zk://HOST:PORT,…`, `etcd://HOST:PORT,…`. */
import { ZincError } from "../core/index.ts"
import type { Discovery, HostRecord } from "../discovery/index.ts"
import { badOption } from "./option.ts"
import type { Shell } from "./shell.ts"

const schemes = /^(mdns:|dns:|zk:\/\/|etcd:\/\/)(.*)$/s
const defaultTree = "zinc"
export const discoveryForms = "mdns:TREE, dns:NAME:PORT, zk://HOST:PORT,… or etcd://HOST:PORT,…"

export function isDiscovery(text: string): boolean {
  return schemes.test(text)
}

/** Throws `BadOption` or `BadAddress`. Only the adapter that is asked for is loaded. */
export async function openDiscovery(option: string, text: string, shell: Shell, tree?: string): Promise<Discovery> {
  const [, scheme, rest] = schemes.exec(text) ?? []
  if (scheme === undefined || rest === undefined) throw badOption(option, text, `give ${discoveryForms}`)
  const { logger } = shell
  if (scheme === "mdns:") {
    if (tree !== undefined && rest !== "" && rest !== tree)
      throw badOption(option, text, `it names another tree than --tree ${tree}: leave one of them out`)
    const { MdnsDiscovery } = await import("../discovery/mdns/index.ts")
    return MdnsDiscovery.open({ tree: tree ?? (rest === "" ? defaultTree : rest), logger })
  }
  const name = tree ?? defaultTree
  if (scheme === "dns:") {
    const { DnsDiscovery } = await import("../discovery/dns/index.ts")
    return DnsDiscovery.open({ tree: name, names: rest, refreshMs: 1_000, logger })
  }
  const [, userinfo, servers] = /^(?:(.*)@)?(.*?)\/?$/s.exec(rest)!
  const credentials = userinfo ?? process.env.ZINC_STORE_CREDENTIALS
  const options = { tree: name, servers: servers!, logger, ...(credentials ? { credentials } : {}) }
  if (scheme === "zk://") {
    const { ZooKeeperDiscovery } = await import("../discovery/zookeeper/index.ts")
    return ZooKeeperDiscovery.open(options)
  }
  const { EtcdDiscovery } = await import("../discovery/etcd/index.ts")
  return EtcdDiscovery.open(options)
}

/** The addresses of the hosts that are found first, those with room before the others. Rejects with `Unreachable` in time. */
export async function discoverAddresses(
  shell: Shell,
  text: string,
  options: { readonly tree?: string | undefined; readonly timeoutMs: number },
): Promise<readonly string[]> {
  const discovery = await openDiscovery("--discover", text, shell, options.tree)
  try {
    const hosts = await firstHosts(discovery, shell, options.timeoutMs)
    const addresses = hosts.flatMap(host => host.addresses)
    shell.logger.info("found hosts", { place: discovery.place, addresses })
    return addresses
  } finally {
    await discovery.close()
  }
}

function firstHosts(discovery: Discovery, shell: Shell, timeoutMs: number): Promise<readonly HostRecord[]> {
  const { signal } = shell.interruption
  return new Promise((resolve, reject) => {
    const finish = () => {
      stop()
      clearTimeout(timer)
      signal.removeEventListener("abort", onAbort)
    }
    const onAbort = () => {
      finish()
      reject(new ZincError("Aborted", "the search for hosts was aborted"))
    }
    const timer = setTimeout(() => {
      finish()
      const nobody = `no host of the tree "${discovery.tree}" was found by ${discovery.place} in ${timeoutMs} ms`
      // What is wrong with the source, if something is, it says itself.
      discovery
        .find()
        .then(
          () => reject(new ZincError("Unreachable", `${nobody}: does one announce itself there?`, { retryable: true })),
          reject,
        )
    }, timeoutMs)
    const stop = discovery.watch(hosts => {
      if (hosts.length === 0) return
      finish()
      resolve([...hosts].sort((a, b) => Number(b.free !== 0) - Number(a.free !== 0)))
    })
    signal.addEventListener("abort", onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}
