/** Nodes of a ZooKeeper as a person with its shell would touch them. */
import { ensurePath } from "../../src/external/zookeeper/lasting-path.ts"
import { openZooKeeperSession } from "../../src/external/zookeeper/open-session.ts"
import { deleteNode, listChildren, writeNode, ZooKeeperError } from "../../src/external/zookeeper/operation.ts"

export interface ZooKeeperAccess {
  put(path: string, bytes: Uint8Array): Promise<void>
  /** With all that lies below. */
  remove(path: string): Promise<void>
  children(path: string): Promise<string[]>
  close(): Promise<void>
}

export function zooKeeperAccess(server: string): ZooKeeperAccess {
  const session = openZooKeeperSession({ servers: server, timeoutMs: 10_000, sessionMs: 40_000 })
  const children = async (path: string) => {
    try {
      return await session.ask(listChildren(path))
    } catch (error) {
      if (error instanceof ZooKeeperError) return []
      throw error
    }
  }
  const remove = async (path: string) => {
    for (const child of await children(path)) await remove(`${path}/${child}`)
    await session.ask(deleteNode(path)).catch(error => {
      if (!(error instanceof ZooKeeperError)) throw error
    })
  }
  return {
    children,
    remove,
    async put(path, bytes) {
      await ensurePath(session, path)
      await session.ask(writeNode(path, bytes))
    },
    close: () => session.close(),
  }
}
