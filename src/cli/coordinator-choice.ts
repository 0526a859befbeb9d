/** What keeps a tree's root record, as a person writes it: `zookeeper://HOST:PORT,…` or `etcd://HOST:PORT,…`. */
import type { Coordinator } from "../coordination/index.ts"
import { badOption } from "./option.ts"
import type { Shell } from "./shell.ts"

const schemes = /^(zookeeper|zk|etcd):\/\/(?:(.*)@)?(.+?)\/?$/s

/** Throws `BadOption` or `BadAddress`. Only the adapter that is asked for is loaded. */
export async function openCoordinator(text: string, shell: Shell, tree: string): Promise<Coordinator> {
  const [, scheme, userinfo, servers] = schemes.exec(text) ?? []
  if (scheme === undefined || servers === undefined)
    throw badOption("--coordinator", text, "give zookeeper://HOST:PORT,… or etcd://HOST:PORT,…")
  const credentials = userinfo ?? process.env.ZINC_STORE_CREDENTIALS
  const options = { tree, servers, logger: shell.logger, ...(credentials ? { credentials } : {}) }
  if (scheme === "etcd") {
    const { EtcdCoordinator } = await import("../coordination/etcd/index.ts")
    return EtcdCoordinator.open(options)
  }
  const { ZooKeeperCoordinator } = await import("../coordination/zookeeper/index.ts")
  return ZooKeeperCoordinator.open(options)
}
