/** Makes the lasting nodes that lead to a path. */
import { noBytes } from "../../core/bytes.ts"
import { createNode, Reply, ZooKeeperError } from "./operation.ts"
import type { ZooKeeperSession } from "./session.ts"

/** Creates the path and what leads to it, where it is not there yet. */
export async function ensurePath(session: ZooKeeperSession, path: string, signal?: AbortSignal): Promise<void> {
  const segments = path.split("/").slice(1)
  for (let depth = 1; depth <= segments.length; depth++) {
    const part = `/${segments.slice(0, depth).join("/")}`
    try {
      await session.ask(createNode({ path: part, data: noBytes, access: session.access }), signal)
    } catch (error) {
      // Others make it too; and we may not be allowed to make what is above our own folder, and need not.
      const there = error instanceof ZooKeeperError && error.reply === Reply.NodeExists
      if (!there && !(isNoAuth(error) && depth < segments.length)) throw error
    }
  }
}

function isNoAuth(error: unknown): boolean {
  return error instanceof ZooKeeperError && error.reply === Reply.NoAuth
}
