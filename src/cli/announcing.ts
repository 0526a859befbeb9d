/** A host that says where it is, for as long as it is there. */
import { networkInterfaces } from "node:os"
import { ZincError } from "../core/index.ts"
import type { AnnouncedHost, Discovery } from "../discovery/index.ts"
import type { Endpoint } from "../index.ts"
import { openDiscovery } from "./discovery-choice.ts"
import { badOption } from "./option.ts"
import type { Shell } from "./shell.ts"

/** News of how many more it takes are told at most this often. */
const newsEveryMs = 1_000
const addressesMax = 8

export interface AnnouncingOptions {
  readonly maxClients: number
  /** Where the host was told to listen. */
  readonly listen: readonly string[]
}

/** Where a host is to be announced, before there is one. Throws `BadOption` or `BadAddress`. */
export async function openPlaces(
  shell: Shell,
  places: readonly string[],
  tree: string | undefined,
): Promise<readonly Discovery[]> {
  const opened: Discovery[] = []
  try {
    for (const place of places) {
      const discovery = await openDiscovery("--announce", place, shell, tree)
      opened.push(discovery)
      if (!discovery.supports.announce)
        throw badOption("--announce", place, "hosts cannot add themselves there: whoever keeps that list has to")
    }
    return opened
  } catch (thrown) {
    await closeAll(opened)
    throw thrown
  }
}

export async function closeAll(places: readonly Discovery[]): Promise<void> {
  await Promise.all(places.map(each => each.close()))
}

/** Announces the host in each place; resolves to what withdraws it, when it can be found in all of them. */
export async function announceHost(
  shell: Shell,
  endpoint: Endpoint,
  opened: readonly Discovery[],
  options: AnnouncingOptions,
): Promise<() => Promise<void>> {
  try {
    const announcements = await Promise.all(opened.map(each => each.announce(self(endpoint, options))))
    let timer: NodeJS.Timeout | undefined
    endpoint.on("*", event => {
      if (event.type !== "joined" && event.type !== "left") return
      timer ??= setTimeout(() => {
        timer = undefined
        if (endpoint.state === "open") for (const each of announcements) each.update(self(endpoint, options))
      }, newsEveryMs).unref()
    })
    for (const { place, tree } of opened)
      shell.output.result({ event: "announced", tree, place }, `announced in ${place}`)
    return () => closeAll(opened)
  } catch (error) {
    await closeAll(opened)
    throw error
  }
}

function self(endpoint: Endpoint, options: AnnouncingOptions): AnnouncedHost {
  const clients = endpoint.peers.filter(each => each.role === "client").length
  return {
    id: endpoint.id,
    name: endpoint.name,
    addresses: dialableAddresses({ asked: options.listen, bound: endpoint.addresses }),
    depth: 0,
    free: Math.max(0, options.maxClients - clients),
  }
}

export interface Listening {
  /** Where it was told to listen, such as "tcp://*:7700". */
  readonly asked: readonly string[]
  /** Where it does, in the same order; for all interfaces that says the loopback address. */
  readonly bound: readonly string[]
  readonly interfaces?: ReturnType<typeof networkInterfaces>
}

/** What others can dial: every address of this machine where the host listens at all of them. Throws `BadOption`. */
export function dialableAddresses({ asked, bound, interfaces = networkInterfaces() }: Listening): string[] {
  const all = Object.values(interfaces).flatMap(each => each ?? [])
  const outward = all.filter(each => !each.internal && !each.address.startsWith("fe80:"))
  const own = (outward.length > 0 ? outward : all).map(each => each.address)
  const dialable = bound.flatMap((address, i) => {
    const host = /^tcp:\/\/(\*|0\.0\.0\.0|\[::\]):/.exec(asked[i] ?? "")?.[1]
    const port = /:(\d+)$/.exec(address)?.[1]
    if (host === undefined || port === undefined) return [address]
    const fitting = own.filter(each => host !== "0.0.0.0" || !each.includes(":"))
    return fitting.sort((a, b) => Number(a.includes(":")) - Number(b.includes(":"))).map(each => tcp(each, port))
  })
  const found = [...new Set(dialable)].slice(0, addressesMax)
  if (found.length === 0)
    throw new ZincError("BadOption", "this machine has no address at which others can find the host")
  return found
}

function tcp(host: string, port: string): string {
  return host.includes(":") ? `tcp://[${host}]:${port}` : `tcp://${host}:${port}`
}
