/** Whole handshakes and what follows, by each mechanism, from both sides. */
import { concat, fromHex, utf8 } from "../../../src/core/bytes.ts"
import type { Random } from "../../../src/core/random.ts"
import {
  encodeCommand,
  encodeError,
  encodePing,
  encodeProperties,
  encodeReady,
  encodeSubscribe,
} from "../../../src/zmtp/command.ts"
import { encodeMessage } from "../../../src/zmtp/frame.ts"
import { encodeGreeting } from "../../../src/zmtp/greeting.ts"
import { allowUsers } from "../../../src/zmtp/mechanism/allow.ts"
import type { AuthenticationDecision } from "../../../src/zmtp/mechanism/authenticator.ts"
import type { Box } from "../../../src/zmtp/mechanism/curve/box.ts"
import { curveClient } from "../../../src/zmtp/mechanism/curve/client.ts"
import { nobleBox } from "../../../src/zmtp/mechanism/curve/noble-box.ts"
import { curveServer } from "../../../src/zmtp/mechanism/curve/server.ts"
import { SodiumBox } from "../../../src/zmtp/mechanism/curve/sodium-box.ts"
import type { Security } from "../../../src/zmtp/mechanism/mechanism.ts"
import { nullServer } from "../../../src/zmtp/mechanism/null.ts"
import { plainClient, plainServer } from "../../../src/zmtp/mechanism/plain.ts"
import { runConnection, type SubjectOptions } from "../subject.ts"
import type { FuzzTarget } from "../target.ts"
import { vectors } from "../vectors.ts"
import { heads } from "./frames.ts"

const ready = (type: string) => encodeReady([["Socket-Type", utf8(type)]])
const talk = concat([
  encodeMessage([utf8("a message")]),
  encodePing(0, utf8("are you there")),
  encodeSubscribe(utf8("topic")),
  encodeMessage([utf8("more"), new Uint8Array(400)]),
])
const words = [
  ...heads,
  ...["READY", "ERROR", "HELLO", "WELCOME", "INITIATE", "MESSAGE"].map(name => encodeCommand(name)),
  encodeError("400"),
]

function target(name: string, about: string, seeds: () => Uint8Array[], options: () => SubjectOptions): FuzzTarget {
  return { name, about, seeds, words, bytesMax: 128 * 1024, run: input => runConnection(input, options()) }
}

/** Answers later, and not always kindly: by the last octet of the name. */
async function moody(username: string): Promise<AuthenticationDecision> {
  await Promise.resolve()
  const last = username.charCodeAt(username.length - 1)
  if (last === 0x78) throw new Error("the authenticator broke")
  return last === 0x61 ? { status: 200, userId: username } : { status: last & 1 ? 300 : 400, text: "no" }
}

const plainHello = (name: string, password: string) =>
  encodeCommand(
    "HELLO",
    concat([Uint8Array.of(name.length), utf8(name), Uint8Array.of(password.length), utf8(password)]),
  )
const initiate = encodeCommand("INITIATE", encodeProperties([["Socket-Type", utf8("DEALER")]]))

export const handshakes: readonly FuzzTarget[] = [
  target(
    "null-server",
    "NULL, as the side that listens",
    () => [
      concat([encodeGreeting("NULL"), ready("DEALER"), talk]),
      concat([encodeGreeting("NULL"), encodeError("no")]),
    ],
    () => ({}),
  ),
  target(
    "null-client",
    "NULL, as the side that dialled, with a peer that does not read",
    () => [concat([encodeGreeting("NULL"), ready("ROUTER"), talk])],
    () => ({ announces: true, socketType: "DEALER", deaf: true }),
  ),
  target(
    "null-examined",
    "NULL, with an authenticator that takes its time",
    // Who is not yet admitted and speaks on is refused; so there is one that waits.
    () => [concat([encodeGreeting("NULL"), ready("DEALER")]), concat([encodeGreeting("NULL"), ready("DEALER"), talk])],
    () => ({ security: nullServer({ authenticator: () => Promise.resolve({ status: 200 }) }) }),
  ),
  target(
    "plain-server",
    "PLAIN, as the side that listens",
    () => [
      concat([encodeGreeting("PLAIN"), plainHello("ada", "love"), initiate, talk]),
      concat([encodeGreeting("PLAIN"), plainHello("bob", "")]),
    ],
    () => ({ security: plainServer({ authenticator: allowUsers(new Map([["ada", "love"]])) }) }),
  ),
  target(
    "plain-moody",
    "PLAIN, with an authenticator that takes its time, refuses, or breaks",
    () => [
      concat([encodeGreeting("PLAIN"), plainHello("ada", ""), initiate]),
      concat([encodeGreeting("PLAIN"), plainHello("ada", ""), initiate, talk]),
    ],
    () => ({
      security: plainServer({
        authenticator: ({ credentials }) => moody(credentials.mechanism === "PLAIN" ? credentials.username : ""),
      }),
    }),
  ),
  target(
    "plain-client",
    "PLAIN, as the side that dialled",
    () => [concat([encodeGreeting("PLAIN"), encodeCommand("WELCOME"), ready("ROUTER"), talk])],
    () => ({
      announces: true,
      socketType: "DEALER",
      security: plainClient({ username: "ada", password: "love" }),
    }),
  ),
  target(
    "curve-server",
    "CURVE, as the side that listens, fed with the golden conversation",
    () => [said("client")],
    () => ({ security: curveOf("server"), socketType: "PULL" }),
  ),
  target(
    "curve-client",
    "CURVE, as the side that dialled, fed with the golden conversation",
    () => [said("server")],
    () => ({ security: curveOf("client"), announces: true, socketType: "PUSH" }),
  ),
]

interface Conversation {
  readonly serverSecretKey: string
  readonly clientSecretKey: string
  readonly clientDraws: readonly string[]
  readonly serverDraws: readonly string[]
  readonly wire: readonly (readonly ["client" | "server", string])[]
}

/** What one side of the golden conversation says, in one piece. */
function said(who: "client" | "server"): Uint8Array {
  const { wire } = vectors<Conversation>("curve.json")
  return concat(wire.filter(([speaker]) => speaker === who).map(([, hex]) => fromHex(hex)))
}

let conversation: Conversation | undefined
let box: Box | undefined

/** The libsodium box where it can be had: it is several times faster. */
export async function prepareBox(): Promise<void> {
  box = await SodiumBox.load().catch(() => nobleBox)
}

/** One side as in the vectors, with the same chances, so that mutated octets of the other still mean something. */
function curveOf(side: "client" | "server"): Security {
  conversation ??= vectors<Conversation>("curve.json")
  const { clientSecretKey, serverSecretKey, clientDraws, serverDraws } = conversation
  const how = box ?? nobleBox
  const draws = new Draws(side === "server" ? serverDraws : clientDraws)
  if (side === "server") return curveServer({ secretKey: fromHex(serverSecretKey), box: how, random: draws })
  const serverKey = how.publicKeyOf(fromHex(serverSecretKey))
  return curveClient({ serverKey, secretKey: fromHex(clientSecretKey), box: how, random: draws })
}

/** The given draws; then something else. */
class Draws implements Random {
  readonly #given: readonly string[]
  #next = 0

  constructor(given: readonly string[]) {
    this.#given = given
  }
  u32(): number {
    return 7
  }
  float(): number {
    return 0.5
  }
  below(): number {
    return 0
  }
  bytes(length: number): Uint8Array {
    const drawn = fromHex(this.#given[this.#next++] ?? "")
    return drawn.length === length ? drawn : new Uint8Array(length).fill(this.#next)
  }
}
