/** Places of servers as people write them: "host:port", several with commas between them, or as a list. */
import { ZincError } from "../core/errors.ts"

export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** Servers of one list. */
const serversMax = 64

/** Throws `BadAddress`. IPv6 stands in brackets; without a port it is the default one. */
export function parseServers(given: string | readonly string[], defaultPort: number): HostAndPort[] {
  const texts = typeof given === "string" ? given.split(",") : Array.isArray(given) ? given : []
  if (texts.length === 0 || texts.length > serversMax)
    throw new ZincError("BadAddress", `name 1 to ${serversMax} servers, such as "127.0.0.1:${defaultPort}"`)
  return texts.map(text => parseServer(String(text).trim(), defaultPort))
}

function parseServer(text: string, defaultPort: number): HostAndPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]@]+))(?::(\d{1,5}))?$/.exec(text)
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  if (match === null || port < 1 || port > 65_535)
    throw new ZincError("BadAddress", `"${text.slice(0, 80)}" is no server: write host:port, IPv6 in brackets`)
  return { host: (match[1] ?? match[2])!, port }
}

export function serverText({ host, port }: HostAndPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
}
