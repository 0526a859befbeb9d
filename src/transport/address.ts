/** Addresses as people write them: `tcp://host:port`, `tcp://*:0`, `ipc://path`, `inproc://name`, `sim://node`. */
import { ZincError } from "../core/errors.ts"

export interface Address {
  readonly scheme: string
  /** What follows "://", unread. */
  readonly rest: string
}

/** Throws `BadAddress`. */
export function parseAddress(text: string): Address {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.+)$/s.exec(text)
  if (match === null) throw badAddress(text, 'write it as "tcp://host:port", "ipc://path" or "inproc://name"')
  return { scheme: match[1]!, rest: match[2]! }
}

export interface TcpAddress {
  /** A name, an IPv4 or a bare IPv6 address; undefined for every interface ("*"). */
  readonly host: string | undefined
  /** 0 lets the system choose when listening. */
  readonly port: number
}

/** Reads what follows "tcp://"; `*` stands for every interface or any port. Throws `BadAddress`. */
export function parseTcp(rest: string): TcpAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\*|\d{1,5})$/.exec(rest)
  if (match === null)
    throw badAddress(`tcp://${rest}`, 'write it as "tcp://host:port" (IPv6 in brackets, "*" for every interface)')
  const port = match[3] === "*" ? 0 : Number(match[3])
  if (port > 65_535) throw badAddress(`tcp://${rest}`, "a port is at most 65535")
  const host = match[1] ?? match[2]
  return { host: host === "*" ? undefined : host, port }
}

export function badAddress(text: string, advice: string): ZincError {
  return new ZincError("BadAddress", `"${text}" is not an address that can be used: ${advice}`)
}
