/** What the lines of a person (or a pipe) mean, once joined. */
import { utf8, ZincError } from "../../core/index.ts"
import type { Endpoint, Message } from "../../index.ts"
import { codeOf, type Output, printable } from "../output.ts"
import { forMachines, payloadFrom, shown } from "../payload.ts"
import { listPeers, peerTable } from "../peer-list.ts"

/** A line, understood. */
export type Utterance =
  | { readonly verb: "nothing" | "peers" | "help" | "quit" }
  | { readonly verb: "say"; readonly topic: string; readonly value: string }
  | { readonly verb: "to"; readonly target: string; readonly value: string }
  | { readonly verb: "ask"; readonly target: string; readonly topic: string; readonly value: string }
  | { readonly verb: "watch" | "unwatch"; readonly topic: string }

/** Throws `BadOption` for a line that begins with "/" and is no command. */
export function understand(line: string, topic: string): Utterance {
  const text = line.trimEnd()
  if (text.trim() === "") return { verb: "nothing" }
  if (!text.startsWith("/")) return { verb: "say", topic, value: text }
  // Two strokes say a line that begins with one.
  if (text.startsWith("//")) return { verb: "say", topic, value: text.slice(1) }
  const [, verb = "", rest = ""] = /^\/(\S*)\s*(.*)$/s.exec(text) ?? []
  const [first = "", after = ""] = cut(rest)
  const [second = "", last = ""] = cut(after)
  switch (verb) {
    case "peers":
    case "help":
    case "quit":
      return { verb }
    case "say":
      if (after === "") throw misunderstood("/say TOPIC TEXT")
      return { verb, topic: first, value: after }
    case "to":
      if (after === "") throw misunderstood("/to NAME TEXT")
      return { verb, target: first, value: after }
    case "ask":
      if (second === "") throw misunderstood("/ask NAME TOPIC VALUE")
      return { verb, target: first, topic: second, value: last }
    case "watch":
    case "unwatch":
      if (first === "") throw misunderstood(`/${verb} TOPIC`)
      return { verb, topic: first }
    default:
      throw new ZincError("BadOption", `/${verb} is no command; /help shows those there are`)
  }
}

function cut(text: string): [string, string] {
  const at = text.search(/\s/)
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at).trimStart()]
}

function misunderstood(form: string): ZincError {
  return new ZincError("BadOption", `write ${form}`)
}

export class Conversation {
  readonly #endpoint: Endpoint
  readonly #output: Output
  readonly #topic: string
  readonly #names: NameLookup
  readonly #watching = new Map<string, { close(): Promise<void> }>()
  /** Takes the prompt away before something is printed. */
  clear: () => void = () => {}
  /** Shows the prompt again after something was printed. */
  prompt: () => void = () => {}

  constructor(endpoint: Endpoint, output: Output, topic: string) {
    this.#endpoint = endpoint
    this.#output = output
    this.#topic = topic
    this.#names = new NameLookup(endpoint)
    // Direct messages come on whatever topic their sender chose; "/to" uses this one.
    endpoint.handle(directTopic, message => this.#print(message))
  }

  async watch(topic: string): Promise<void> {
    if (this.#watching.has(topic)) return
    const handling = this.#endpoint.handle(topic, message => this.#print(message))
    this.#watching.set(topic, handling)
    await handling.ready
  }

  /** Does what the line says; false when it says to leave. */
  async hear(line: string): Promise<boolean> {
    const utterance = understand(line, this.#topic)
    const output = this.#output
    switch (utterance.verb) {
      case "nothing":
        return true
      case "quit":
        return false
      case "help":
        this.clear()
        output.note(help)
        return true
      case "peers": {
        const rows = await listPeers(this.#endpoint)
        this.clear()
        output.result({ peers: rows }, peerTable(rows, this.#endpoint.id))
        return true
      }
      case "say":
        if (this.#endpoint.peers.some(each => each.role === "host" && each.state === "away")) {
          this.clear()
          output.note("the host is away: this is kept, and goes when it is back")
        }
        await this.#endpoint.send(utterance.topic, utterance.value, { ack: "rooted" })
        output.result({ said: utterance.topic }, undefined)
        return true
      case "to":
        await this.#endpoint.sendTo(utterance.target, directTopic, utterance.value)
        output.result({ said: directTopic, to: utterance.target }, undefined)
        return true
      case "ask": {
        const value = utterance.value === "" ? null : payloadFrom(utf8(utterance.value), {})
        const reply = await this.#endpoint.request(utterance.target, utterance.topic, value)
        this.clear()
        output.result({ reply: forMachines(reply) }, shown(reply ?? null))
        return true
      }
      case "watch":
        await this.watch(utterance.topic)
        this.clear()
        output.result({ watching: [...this.#watching.keys()] }, `watching ${[...this.#watching.keys()].join(" ")}`)
        return true
      case "unwatch":
        await this.#watching.get(utterance.topic)?.close()
        this.#watching.delete(utterance.topic)
        this.clear()
        output.result({ watching: [...this.#watching.keys()] }, `watching ${[...this.#watching.keys()].join(" ")}`)
        return true
    }
  }

  async #print(message: Message): Promise<null> {
    const { colours } = this.#output
    const { topic, origin, direct } = message
    const name = await this.#names.of(origin)
    let value: unknown
    try {
      value = message.value
    } catch (error) {
      this.#output.warn(codeOf(error), `a message on ${topic} cannot be read`)
      return null
    }
    const where = direct ? colours.magenta("to you") : colours.cyan(printable(topic))
    this.clear()
    this.#output.result(
      { message: { topic, origin, name, direct, value: forMachines(value) } },
      `${where} ${colours.bold(printable(name))} ${shown(value)}`,
    )
    this.prompt()
    return null
  }
}

/** Names of those who speak: messages carry only ids. */
class NameLookup {
  readonly #endpoint: Endpoint
  readonly #known = new Map<string, string>()
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
  }

  /** The first digits of the id where nobody knows the name: who has left already, or has a host that does not tell. */
  async of(id: string): Promise<string> {
    const known = this.#known.get(id)
    if (known !== undefined) return known
    if (performance.now() - this.#askedAt > namesAskedEveryMs) {
      this.#askedAt = performance.now()
      if (this.#known.size > namesKept) this.#known.clear()
      for (const peer of await listPeers(this.#endpoint)) this.#known.set(peer.id, peer.name)
    }
    return this.#known.get(id) ?? id.slice(0, 8)
  }
}

const namesAskedEveryMs = 500
const namesKept = 10_000

const directTopic = "zinc.say"

const help = `hello                    say it on the topic
/say TOPIC TEXT          say it on another
/to NAME TEXT            only to one endpoint
/ask NAME TOPIC VALUE    a request; prints the answer
/peers                   who is there
/watch TOPIC, /unwatch TOPIC
/quit                    leave`
