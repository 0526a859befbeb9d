/**
 * The HTTP request and response that begin a WebSocket connection (RFC 6455, 4), read by ourselves: libzmq offers
 * `ZWS2.0/NULL`, whose "/" common servers refuse, and wants its answer in one exact form. No I/O and no hashing here.
 */
import { ZincError } from "../../core/errors.ts"

/** Most octets of a head, and most of its lines. */
export const headMax: number = 8 * 1024
const linesMax = 64

/** Appended to the client's key before it is hashed. */
export const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/** A subprotocol of ZWS 2.0 and the mechanism it stands for; without one the first message each way is a name. */
export interface Subprotocol {
  readonly name: string
  readonly mechanism: string
  readonly bare: boolean
}

/** What we offer, and take, for a mechanism; in our order. */
export function subprotocolsFor(mechanism: string): readonly Subprotocol[] {
  const named = { name: `ZWS2.0/${mechanism}`, mechanism, bare: false }
  return mechanism === "NULL" ? [named, { name: "ZWS2.0", mechanism, bare: true }] : [named]
}

/** Gathers a head, up to the empty line, from chunks of any size. */
export class HeadReader {
  #bytes = new Uint8Array(0)
  /** The lines, once all are here. */
  lines: readonly string[] | undefined
  /** What came after them. */
  rest: Uint8Array = new Uint8Array(0)
  tooLong = false

  /** Takes a chunk, which may be overwritten afterwards. True when there is nothing more to wait for. */
  read(chunk: Uint8Array): boolean {
    const from = Math.max(0, this.#bytes.length - 3)
    const bytes = new Uint8Array(this.#bytes.length + chunk.length)
    bytes.set(this.#bytes)
    bytes.set(chunk, this.#bytes.length)
    this.#bytes = bytes
    for (let at = from; at + 3 < bytes.length && at < headMax; at++) {
      if (bytes[at] !== 13 || bytes[at + 1] !== 10 || bytes[at + 2] !== 13 || bytes[at + 3] !== 10) continue
      let text = ""
      for (let i = 0; i < at; i++) text += String.fromCharCode(bytes[i]!)
      this.lines = text.split("\r\n")
      this.rest = bytes.slice(at + 4)
      this.tooLong = this.lines.length > linesMax
      return true
    }
    this.tooLong = bytes.length > headMax
    return this.tooLong
  }
}

export interface UpgradeRequest {
  /** Without the query. */
  readonly path: string
  readonly host: string
  readonly key: string
  readonly origin: string | undefined
  readonly offers: readonly string[]
}

/** An answer that is none: its status and what to say. */
export class UpgradeRefusal {
  readonly status: string
  readonly why: string
  readonly headers: readonly string[]

  constructor(status: string, why: string, headers: readonly string[] = []) {
    this.status = status
    this.why = why
    this.headers = headers
  }
}

/** Reads the head of a request. */
export function parseRequest(head: Pick<HeadReader, "lines" | "tooLong">): UpgradeRequest | UpgradeRefusal {
  if (head.tooLong || head.lines === undefined) {
    return new UpgradeRefusal("431 Request Header Fields Too Large", "the head of the request is too long")
  }
  const [first = "", ...lines] = head.lines
  const request = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(first)
  if (request === null) return new UpgradeRefusal("400 Bad Request", "this is not a request of HTTP/1.1")
  if (request[1] !== "GET") return new UpgradeRefusal("405 Method Not Allowed", "only GET upgrades", ["Allow: GET"])
  const fields = parseFields(lines)
  if (fields === undefined) return new UpgradeRefusal("400 Bad Request", "a header field that cannot be read")
  if (!tokens(fields, "upgrade").includes("websocket") || !tokens(fields, "connection").includes("upgrade")) {
    return new UpgradeRefusal("426 Upgrade Required", "a ZeroMQ socket lives here; connect with WebSocket", [
      "Upgrade: websocket",
      "Connection: Upgrade",
    ])
  }
  if (only(fields, "sec-websocket-version") !== "13") {
    return new UpgradeRefusal("426 Upgrade Required", "WebSocket version 13 is spoken here", [
      "Sec-WebSocket-Version: 13",
    ])
  }
  const key = only(fields, "sec-websocket-key")
  if (key === undefined || !/^[A-Za-z0-9+/]{22}==$/.test(key)) {
    return new UpgradeRefusal("400 Bad Request", "Sec-WebSocket-Key must be 16 octets in base64")
  }
  return {
    path: pathOf(request[2]!),
    host: only(fields, "host") ?? "",
    key,
    origin: only(fields, "origin"),
    offers: (fields.get("sec-websocket-protocol") ?? []).flatMap(each => each.split(",").map(one => one.trim())),
  }
}

/** A refusal as it travels; the connection closes after it. */
export function encodeRefusal(refusal: UpgradeRefusal): string {
  const body = `${refusal.why}\n`
  return [
    `HTTP/1.1 ${refusal.status}`,
    ...refusal.headers,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${body.length}`,
    ...(refusal.headers.some(each => each.startsWith("Connection:")) ? [] : ["Connection: close"]),
    "",
    body,
  ].join("\r\n")
}

/** The answer to a request that we take. libzmq's client wants the first line exactly so, and a protocol. */
export function encodeAcceptance(accept: string, protocol: string): string {
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    `Sec-WebSocket-Protocol: ${protocol}`,
    "",
    "",
  ].join("\r\n")
}

export function encodeRequest(request: {
  readonly path: string
  readonly host: string
  readonly key: string
  readonly offers: readonly string[]
}): string {
  return [
    `GET ${request.path} HTTP/1.1`,
    `Host: ${request.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${request.key}`,
    `Sec-WebSocket-Protocol: ${request.offers.join(",")}`,
    "Sec-WebSocket-Version: 13",
    "",
    "",
  ].join("\r\n")
}

/** Reads the head of a response; gives the protocol the server chose, or what is wrong. */
export function parseResponse(
  head: HeadReader,
  expected: { readonly accept: string; readonly offers: readonly Subprotocol[] },
): Subprotocol | ZincError {
  if (head.tooLong || head.lines === undefined) return refused("the head of its answer is too long")
  const [first = "", ...lines] = head.lines
  const status = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(first)
  if (status === null) return refused("it does not answer as a web server does")
  if (status[1] !== "101") {
    // 5xx may pass; the rest will be said again.
    return refused(`it answers ${status[1]} ${printable(status[2] ?? "")}`.trimEnd(), status[1]!.startsWith("5"))
  }
  const fields = parseFields(lines)
  if (fields === undefined) return refused("its answer has a header field that cannot be read")
  if (!tokens(fields, "upgrade").includes("websocket")) return refused("it upgrades to something else")
  if (only(fields, "sec-websocket-accept") !== expected.accept) return refused("its answer is not one to our request")
  if (fields.has("sec-websocket-extensions")) return refused("it uses an extension that we did not offer")
  const name = only(fields, "sec-websocket-protocol")
  const chosen = expected.offers.find(each => each.name === name)
  return chosen ?? refused(`it does not speak ${expected.offers.map(each => each.name).join(" nor ")}`)
}

function refused(why: string, retryable = false): ZincError {
  return new ZincError("HandshakeFailed", `no WebSocket of ZeroMQ: ${why}; check the address`, { retryable })
}

/** Fields by lower-case name. Folded lines and names of other characters are not taken: they smuggle. */
function parseFields(lines: readonly string[]): Map<string, string[]> | undefined {
  const fields = new Map<string, string[]>()
  for (const line of lines) {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r\n]*)$/.exec(line)
    if (match === null) return undefined
    const name = match[1]!.toLowerCase()
    fields.set(name, [...(fields.get(name) ?? []), match[2]!.trimEnd()])
  }
  return fields
}

function tokens(fields: ReadonlyMap<string, readonly string[]>, name: string): string[] {
  return (fields.get(name) ?? []).flatMap(value => value.split(",").map(each => each.trim().toLowerCase()))
}

/** A field that must come once; undefined also when it comes twice. */
function only(fields: ReadonlyMap<string, readonly string[]>, name: string): string | undefined {
  const values = fields.get(name)
  return values?.length === 1 ? values[0] : undefined
}

function pathOf(target: string): string {
  const path = target.replace(/^https?:\/\/[^/]*/, "").replace(/[?#].*$/s, "")
  return normalPath(path)
}

/** "/a/" and "a" are "/a"; nothing is "". */
export function normalPath(path: string): string {
  const trimmed = path.replace(/^\/+|\/+$/g, "")
  return trimmed === "" ? "" : `/${trimmed}`
}

function printable(text: string): string {
  return text.replace(/[^ -~]/g, "?").slice(0, 80)
}
