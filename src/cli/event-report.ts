/** Events of an endpoint as lines. */
import type { Endpoint, EndpointEvent } from "../index.ts"
import { type Output, printable } from "./output.ts"
import { duration } from "./table.ts"

/** Reports each event as it comes: to machines all, to people those that tell them something. */
export function reportEvents(output: Output, endpoint: Endpoint): () => void {
  return endpoint.on("*", event => output.result(recordOf(event), wordsFor(event, output)))
}

function recordOf(event: EndpointEvent): Record<string, unknown> {
  const { type, ...rest } = event
  const record: Record<string, unknown> = { event: type }
  for (const [key, value] of Object.entries(rest))
    record[key] = value instanceof Error ? { message: value.message, code: (value as { code?: string }).code } : value
  return record
}

function wordsFor(event: EndpointEvent, { colours }: Output): string | undefined {
  switch (event.type) {
    case "joined":
      if (event.peer.role === "host") return undefined
      return `${colours.green("+")} ${printable(event.peer.name)} ${event.resumed ? "is back" : "joined"}${event.peer.remote === "" ? "" : ` from ${event.peer.remote}`}`
    case "left":
      if (event.peer.role === "host") return undefined
      return `${colours.red("-")} ${printable(event.peer.name)} left: ${printable(event.reason)}`
    case "arrived":
      return `${colours.green("+")} ${printable(event.member.name)} joined below`
    case "departed":
      return `${colours.red("-")} ${printable(event.member.name)} left below`
    case "refused":
      return `${colours.yellow("!")} refused ${printable(event.name)}: ${printable(event.reason)} [${event.code}]`
    case "redirected":
      return `${colours.cyan("→")} sent ${printable(event.name)} on to ${event.to.map(printable).join(" or ")}`
    case "path":
      return `${colours.cyan("→")} now ${event.path.length - 1} links from the root: ${printable(event.reason)}`
    case "regenerated":
      return `${colours.yellow("!")} the host started anew and knows nothing of before`
    case "moved":
      return `${colours.yellow("!")} moved to another host of the tree: ${printable(event.reason)}`
    case "gap":
      if (event.topic === "~to")
        return `${colours.yellow("!")} direct messages ${event.from}–${event.through} of ${event.origin ?? "somebody"} are lost (${event.reason})`
      return `${colours.yellow("!")} gap on ${printable(event.topic)}: ${event.from}–${event.through} are lost (${event.reason})`
    case "diverged":
      return `${colours.yellow("!")} ${event.from}–${event.through} of ${printable(event.topic)} are void: numbered anew in reign ${event.epoch}`
    case "role":
      return `${colours.yellow("!")} ${event.from} → ${event.to}, reign ${event.epoch}: ${printable(event.reason)}`
    case "readOnly":
      return `${colours.yellow("!")} ${event.isReadOnly ? "read-only" : "no longer read-only"}: ${printable(event.reason)}`
    case "storageFailed":
      return `${colours.red("!")} ${printable(event.error.message)} [${event.error.code}]`
    case "slow":
      return `${colours.yellow("!")} ${printable(event.peer.name)} is ${duration(event.lagMs)} behind, ${event.waiting.messages} messages wait: ${event.acted}`
    case "tooSlow":
      return `${colours.yellow("!")} the host says this client is ${duration(event.lagMs)} behind: ${event.policy}`
    case "handlerFailed":
      return `${colours.red("!")} a handler of ${printable(event.topic)} failed: ${printable(String(event.error))}`
    case "mailboxFull":
      return `${colours.yellow("!")} ${event.dropped} messages on ${printable(event.topic)} were dropped: they come faster than they are handled`
    case "undeliverable":
      return `${colours.yellow("!")} nobody is ${event.target} [${event.code}]`
    case "denied":
      return `${colours.yellow("!")} ${printable(event.reason)} [${event.code}]`
    case "violation":
      return `${colours.yellow("!")} ${event.from} broke the protocol: ${printable(event.error.message)}`
  }
}
