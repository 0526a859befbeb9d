/** Options that protect connections: CURVE by key files, TLS by certificates. */
import { readFile } from "node:fs/promises"
import type { Command } from "commander"
import { messageOf, ZincError } from "../core/index.ts"
import type { Transport } from "../transport/index.ts"
import { badOption, each } from "./option.ts"

export interface SecurityChoices {
  readonly curveKey?: string
  readonly serverKey?: string
  readonly allowKey?: readonly string[]
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsCa?: string
}

export function withSecurityOptions(command: Command): Command {
  return command
    .option(
      "--curve-key <file>",
      "our secret key, as zinc keygen --secret-file writes it: listen with CURVE, or be known by it",
    )
    .option("--server-key <key>", "the public key of who is dialled, 40 characters: dial with CURVE")
    .option(
      "--allow-key <key>",
      "with --curve-key: let in only who has this public key; repeated, those who have one of them",
      each,
    )
    .option("--tls-cert <file>", "to listen at wss://: a chain of certificates, in PEM")
    .option("--tls-key <file>", "to listen at wss://: the key of the first, in PEM")
    .option("--tls-ca <file>", "to dial wss://: certificates to trust besides the well-known ones, in PEM")
}

/** Whether any of them was given. */
export function isSecured(choices: SecurityChoices): boolean {
  const { curveKey, serverKey, allowKey, tlsCert, tlsKey, tlsCa } = choices
  return [curveKey, serverKey, allowKey, tlsCert, tlsKey, tlsCa].some(each => each !== undefined)
}

/**
 * A transport of our engine as they say; it dials hosts with `--server-key`, or, as relays of a host's own do, that host.
 * Throws `BadOption`, or `BadFile` for what cannot be read.
 */
export async function securedTransport(
  choices: SecurityChoices & { readonly relays?: string },
  dials: "others" | "own" = "others",
): Promise<Transport> {
  const { IpcCarrier, MemoryCarrier, TcpCarrier, WebSocketCarrier, ZmtpTransport } = await import(
    "../transport/zmtp/index.ts"
  )
  const { systemClock } = await import("../core/index.ts")
  const { tlsCert, tlsKey, tlsCa } = choices
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new ZincError("BadOption", "--tls-cert and --tls-key go together: give both files")
  const tls =
    tlsCert === undefined || tlsKey === undefined
      ? {}
      : { tls: { cert: await text("--tls-cert", tlsCert), key: await text("--tls-key", tlsKey) } }
  const ca = tlsCa === undefined ? {} : { ca: await text("--tls-ca", tlsCa) }
  return new ZmtpTransport({
    carriers: [
      new TcpCarrier(),
      new IpcCarrier(),
      new MemoryCarrier(systemClock),
      new WebSocketCarrier({ ...tls, ...ca }),
    ],
    security: await curve(choices, dials),
  })
}

async function curve(choices: SecurityChoices & { readonly relays?: string }, dials: "others" | "own") {
  const { allowKeys, curveClient, curveServer, publicKeyOf } = await import("../zmtp/index.ts")
  const { curveKey, serverKey, allowKey } = choices
  if (allowKey !== undefined && curveKey === undefined)
    throw new ZincError("BadOption", "--allow-key says who may come in by CURVE; give --curve-key too")
  const secretKey = curveKey === undefined ? undefined : (await text("--curve-key", curveKey)).trim()
  const ownKey = secretKey === undefined ? undefined : checked("--curve-key", curveKey!, () => publicKeyOf(secretKey))
  // A host's own relays come by its own key.
  const allowed = allowKey && [...allowKey, ...(choices.relays === undefined || ownKey === undefined ? [] : [ownKey])]
  const authenticator = allowed && checked("--allow-key", allowKey.join(" "), () => allowKeys(allowed))
  const dialled = dials === "own" ? ownKey : serverKey
  return {
    ...(secretKey !== undefined && {
      listen: checked("--curve-key", curveKey!, () =>
        curveServer({ secretKey, ...(authenticator && { authenticator }) }),
      ),
    }),
    ...(dialled !== undefined && {
      dial: checked("--server-key", String(serverKey), () =>
        curveClient({ serverKey: dialled, ...(secretKey !== undefined && { secretKey }) }),
      ),
    }),
  }
}

/** A key that is none is the fault of that option. */
function checked<T>(option: string, given: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw badOption(option, given, messageOf(error))
  }
}

async function text(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8")
  } catch (cause) {
    throw new ZincError("BadFile", `${option} ${path} cannot be read: ${messageOf(cause)}`, { cause })
  }
}
