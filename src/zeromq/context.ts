/** A space of inproc names, with options. Sockets belong to one; most programs use the default and never see it. */
import { systemClock } from "../core/clock.ts"
import { MemoryCarrier } from "../transport/carrier/memory.ts"
import type { Carrier } from "../transport/carrier.ts"
import { withSystemParts } from "../transport/zmtp/system.ts"
import { errnoError } from "./errors.ts"
import { defineOptions, OptionBag } from "./option-bag.ts"
import { contextOptions, type Option } from "./option-table.ts"

const table: ReadonlyMap<number, Option> = new Map(contextOptions.map(option => [option.id, option]))

/** Whether the next context made is the default one. */
let isFirst = true

export interface ContextOptions {
  blocky?: boolean
  ioThreads?: number
  maxMessageSize?: number
  maxSockets?: number
  ipv6?: boolean
  threadPriority?: number
  threadSchedulingPolicy?: number
}

export class Context {
  /** With false, new sockets drop what is queued when they close, unless they have a `linger` of their own. Default true. */
  declare blocky: boolean
  /** Kept, and without meaning here: there are no threads. */
  declare ioThreads: number
  /** Kept, and without meaning here. */
  declare maxMessageSize: number
  /** Most sockets open at once. Default 1023. */
  declare maxSockets: number
  /** The default of its sockets' `ipv6`. */
  declare ipv6: boolean
  /** Kept, and without meaning here. */
  declare threadPriority: number
  /** Kept, and without meaning here. */
  declare threadSchedulingPolicy: number
  declare readonly maxSocketsLimit: number
  readonly #options = new OptionBag(table)
  readonly #carriers: readonly Carrier[]
  #open = 0

  /** Throws `TypeError` for what is no option. */
  constructor(options?: ContextOptions) {
    // biome-ignore lint/complexity/noArguments: what is passed too much is an error here, as it is in zeromq.js
    if (arguments.length > 1) throw new TypeError("Expected 1 argument")
    if (options !== undefined && (typeof options !== "object" || options === null))
      throw new TypeError("Options must be an object")
    // Each has inproc names of its own; the first one shares the process's.
    const shared = withSystemParts({}).carriers
    this.#carriers = isFirst
      ? shared
      : [...shared.filter(one => !one.schemes.includes("inproc")), new MemoryCarrier(systemClock)]
    isFirst = false
    Object.preventExtensions(this)
    Object.assign(this, options)
  }

  /** Counts a new socket. Throws `EMFILE` when there are too many. */
  static admit(context: Context): readonly Carrier[] {
    if (!(context instanceof Context)) throw errnoError("EINVAL")
    if (context.#open >= context.maxSockets) throw errnoError("EMFILE")
    context.#open++
    return context.#carriers
  }
  static release(context: Context): void {
    context.#open--
  }

  protected getBoolOption(option: number): boolean {
    return this.#options.get(option, "Bool") as boolean
  }
  protected setBoolOption(option: number, value: boolean): void {
    this.#options.set(option, "Bool", value)
  }
  protected getInt32Option(option: number): number {
    if (option === 3) return contextOptions.find(each => each.name === "maxSocketsLimit")!.initial as number
    return this.#options.get(option, "Int32") as number
  }
  protected setInt32Option(option: number, value: number): void {
    this.#options.set(option, "Int32", value)
  }
}
defineOptions(Context.prototype, contextOptions, "Context")

/** The one that sockets belong to when they are not told otherwise. */
export const context: Context = new Context()
