/**
 * What all sockets of this door share: options that may be set until they matter, binding and connecting, events, and the
 * machinery of sending and receiving that the classes in `sockets.ts` give a name. The engine's socket behind it is made
 * when it is first needed, so that it gets the options set by then.
 */
import { systemClock } from "../core/clock.ts"
import { parseAddress, parseTcp } from "../transport/address.ts"
import type { Carrier } from "../transport/carrier.ts"
import type { ConnectOptions } from "../transport/zmtp/index.ts"
import { Context, context as defaultContext } from "./context.ts"
import { type CoreSocket, engineOptions, isKnownType, isReadable, openCore } from "./core-socket.ts"
import { errnoError, translated } from "./errors.ts"
import { type Event, eventOf, type Watched } from "./event.ts"
import { Incoming } from "./incoming.ts"
import { framesOf, type Message } from "./message.ts"
import { Observer } from "./observer.ts"
import { defineOptions, OptionBag } from "./option-bag.ts"
import { type Option, type OptionType, socketOptions, Type } from "./option-table.ts"
import { Outgoing } from "./outgoing.ts"
import { Pace } from "./pace.ts"
import { closed, hold, type Lingering, opened, release, sent } from "./process-end.ts"
import { securityOf } from "./security.ts"

const anySocket = socketOptions.filter(option => option.on === undefined)
const tables = new Map<number, ReadonlyMap<number, Option>>()

/** The options that sockets of one type have, by number. */
function tableOf(type: number): ReadonlyMap<number, Option> {
  let table = tables.get(type)
  if (table === undefined) {
    table = new Map(
      socketOptions.filter(option => option.on?.includes(type) ?? true).map(option => [option.id, option] as const),
    )
    tables.set(type, table)
  }
  return table
}

export abstract class Socket implements Lingering, Watched {
  declare affinity: number
  declare rate: number
  declare recoveryInterval: number
  /** How long a closed socket goes on sending what is queued, in milliseconds; −1 (the default) for ever. */
  declare linger: number
  /** Least wait before dialling again, in milliseconds; −1 for never. Default 100. */
  declare reconnectInterval: number
  declare backlog: number
  /** The wait doubles up to this, in milliseconds; 0 (the default): it does not. */
  declare reconnectMaxInterval: number
  /** Largest message taken, in octets; −1 (the default) for any. Unlike libzmq's it counts all frames together. */
  declare maxMessageSize: number
  declare tcpKeepalive: number
  declare tcpKeepaliveCount: number
  declare tcpKeepaliveIdle: number
  declare tcpKeepaliveInterval: number
  declare tcpAcceptFilter: string | null
  declare immediate: boolean
  declare ipv6: boolean
  declare plainServer: boolean
  declare plainUsername: string | null
  declare plainPassword: string | null
  declare curveServer: boolean
  declare curvePublicKey: string | null
  declare curveSecretKey: string | null
  declare curveServerKey: string | null
  declare gssapiServer: boolean
  declare gssapiPrincipal: string | null
  declare gssapiServicePrincipal: string | null
  declare gssapiPlainText: boolean
  declare gssapiPrincipalNameType: "hostBased" | "userName" | "krb5Principal"
  declare gssapiServicePrincipalNameType: "hostBased" | "userName" | "krb5Principal"
  declare zapDomain: string | null
  declare typeOfService: number
  declare handshakeInterval: number
  declare socksProxy: string | null
  declare heartbeatInterval: number
  declare heartbeatTimeToLive: number
  declare heartbeatTimeout: number
  declare connectTimeout: number
  declare tcpMaxRetransmitTimeout: number
  declare multicastMaxTransportDataUnit: number
  declare vmciBufferSize: number
  declare vmciBufferMinSize: number
  declare vmciBufferMaxSize: number
  declare vmciConnectTimeout: number
  declare interface: string | null
  declare zapEnforceDomain: boolean
  declare loopbackFastPath: boolean
  /** libzmq's number of the type. */
  declare readonly type: number
  /** The address bound or connected last, wildcards filled in. */
  declare readonly lastEndpoint: string | null
  declare readonly securityMechanism: null | "plain" | "curve" | "gssapi"
  declare readonly threadSafe: boolean

  readonly #type: number
  readonly #context: Context
  readonly #carriers: readonly Carrier[]
  readonly #options: OptionBag
  readonly #outgoing: Outgoing
  readonly #incoming: Incoming
  readonly #watchers: ((event: Event) => void)[] = []
  /** Addresses as they were given, and as they are shown, to what the engine calls them. */
  readonly #bound = new Map<string, string>()
  readonly #shown = new Map<string, string>()
  readonly #connected = new Set<string>()
  #core: CoreSocket | undefined
  #state: "open" | "blocked" | "closed" = "open"
  #closeWanted = false
  #observer: Observer | undefined
  /** The name of the next peer that is dialled. */
  #nextPeer: string | null = null

  protected constructor(type: number, options?: { context?: Context }) {
    // biome-ignore lint/complexity/noArguments: what is passed too much is an error here, as it is in zeromq.js
    if (arguments.length > 2) throw new TypeError("Expected 2 arguments")
    if (typeof type !== "number") throw new TypeError("Socket type must be a number")
    if (options !== undefined && (typeof options !== "object" || options === null))
      throw new TypeError("Options must be an object")
    const { context = defaultContext, ...rest } = options ?? {}
    if (!isKnownType(type)) throw errnoError("EINVAL")
    this.#type = type
    this.#carriers = Context.admit(context)
    this.#context = context
    this.#options = new OptionBag(tableOf(type))
    this.#options.put(16, type)
    if (!context.blocky) this.#options.put(17, 0)
    const pace = new Pace()
    this.#outgoing = new Outgoing(pace)
    this.#incoming = new Incoming(pace)
    // Setting what is no option is an error then, and not a silent nothing.
    Object.preventExtensions(this)
    try {
      Object.assign(this, rest)
    } catch (thrown) {
      Context.release(context)
      throw thrown
    }
  }

  get context(): Context {
    return this.#context
  }
  /** Events of this socket, from when this is first asked for. */
  get events(): Observer {
    this.#observer ??= new Observer(this)
    return this.#observer
  }
  get closed(): boolean {
    return this.#state === "closed"
  }
  /** Whether a receive would give a message at once. */
  get readable(): boolean {
    return this.#state === "open" && isReadable(this.#engine())
  }
  /** Whether a send would be taken at once. */
  get writable(): boolean {
    if (this.#state !== "open") return false
    const core = this.#engine()
    return core.sendsMessages && core.writable
  }

  /** Listens. Rejects with `EINVAL`, `EPROTONOSUPPORT`, `EADDRINUSE` and what else the system has to say. */
  bind(address: string): Promise<void> {
    this.#assertUsable()
    const core = this.#addressed(address)
    if (core instanceof Error) return Promise.reject(core)
    return this.#blocking(async () => {
      try {
        const bound = await core.bind(address)
        const shown = shownAs(address, bound)
        this.#shown.set(bound, shown)
        for (const name of [address, bound, shown]) this.#bound.set(name, bound)
        this.#options.put(32, shown)
      } catch (thrown) {
        throw translated(thrown, address)
      }
    })
  }

  /**
   * As `bind`, for programs that do not wait: the address is taken a moment after the call, and a failure is told by the
   * event "bind:error" alone. `lastEndpoint` has no port yet that the system chose.
   */
  bindSync(address: string): void {
    this.#assertUsable()
    const core = this.#addressed(address)
    if (core instanceof Error) throw core
    this.#options.put(32, address)
    this.#bound.set(address, address)
    void core.bind(address).then(
      bound => {
        const shown = shownAs(address, bound)
        this.#shown.set(bound, shown)
        for (const name of [address, bound, shown]) this.#bound.set(name, bound)
        if (this.#options.value(32) === address) this.#options.put(32, shown)
      },
      () => this.#bound.delete(address),
    )
  }

  /** Stops listening. Rejects with `ENOENT` when it was not bound. */
  unbind(address: string): Promise<void> {
    this.#assertUsable()
    const core = this.#addressed(address)
    if (core instanceof Error) return Promise.reject(core)
    return this.#blocking(async () => {
      const bound = this.#bound.get(address)
      if (bound === undefined) throw errnoError("ENOENT", { address })
      await core.unbind(bound)
      this.#forgetBound(bound)
    })
  }
  /** As `unbind`, for programs that do not wait. */
  unbindSync(address: string): void {
    this.#assertUsable()
    const core = this.#addressed(address)
    if (core instanceof Error) throw core
    const bound = this.#bound.get(address)
    if (bound === undefined) throw errnoError("ENOENT", { address })
    void core.unbind(bound).catch(() => {})
    this.#forgetBound(bound)
  }

  /** Dials, now and whenever the connection is lost. Throws `EINVAL` and `EPROTONOSUPPORT`. */
  connect(address: string): void {
    this.#assertUsable()
    const core = this.#addressed(address)
    if (core instanceof Error) throw core
    const identity = this.#nextPeer
    this.#nextPeer = null
    const options: ConnectOptions = identity === null ? {} : { identity: Buffer.from(identity) }
    try {
      core.connect(address, options)
    } catch (thrown) {
      throw translated(thrown, address)
    }
    this.#connected.add(address)
    this.#options.put(32, address)
  }

  /** Stops dialling and closes the connection. Throws `ENOENT` when it was not connected. */
  disconnect(address: string): void {
    this.#assertUsable()
    const core = this.#addressed(address)
    if (core instanceof Error) throw core
    if (!this.#connected.delete(address)) throw errnoError("ENOENT", { address })
    try {
      core.disconnect(address)
    } catch {
      // It gave up by itself, for good.
    }
  }

  /** Closes; what is queued is sent for as long as `linger` says. After a bind under way, if there is one. */
  close(): void {
    if (this.#state === "closed") return
    if (this.#state === "blocked") {
      this.#closeWanted = true
      return
    }
    this.#state = "closed"
    this.#outgoing.close()
    this.#incoming.close()
    Context.release(this.#context)
    closed(this)
    const core = this.#core
    // A turn later, so that what the system has ready is told before the end.
    systemClock.later(() => {
      if (core === undefined) this.#tell({ type: "end" })
      else {
        hold()
        void core.close().finally(() => {
          sent(this)
          release()
        })
        systemClock.later(() => this.#tell({ type: "end" }))
      }
    })
  }

  /** The engine's socket, for the proxy. */
  static engineOf(socket: Socket): CoreSocket {
    return socket.#engine()
  }
  /** Whether it is open and has an address, bound or connected. */
  static isAttached(socket: Socket): boolean {
    return socket.#state === "open" && (socket.#bound.size > 0 || socket.#connected.size > 0)
  }

  /** Messages that are queued, and may linger. */
  get unsent(): number {
    return this.#options.value<number>(17) === 0 ? 0 : (this.#core?.queued ?? 0)
  }

  /** Whether its context would have it linger. */
  get isBlocky(): boolean {
    return this.#context.blocky
  }

  /** Gives the system what it takes at once of what was sent in this turn. */
  flush(): void {
    this.#core?.flush()
  }

  /** For observers. */
  watchEvents(listener: (event: Event) => void): void {
    this.#watchers.push(listener)
  }

  // ---- what the classes that send and receive give a name ----

  protected sendMessage(message: unknown): Promise<void> {
    const frames = framesOf(message)
    this.#assertUsable()
    return this.#outgoing.send(this.#engine(), frames, this.#options.value(28))
  }
  protected sendMessageNow(message: unknown): boolean {
    const frames = framesOf(message)
    this.#assertUsable()
    return this.#outgoing.offer(this.#engine(), frames)
  }
  protected receiveMessage(): Promise<Message[]> {
    this.#assertUsable()
    return this.#incoming.receive(this.#engine(), this.#options.value(27))
  }
  protected receiveMessageNow(): Message[] | undefined {
    this.#assertUsable()
    return this.#incoming.poll(this.#engine())
  }

  // ---- options by number ----

  protected getBoolOption(option: number): boolean {
    return this.#options.get(option, "Bool") as boolean
  }
  protected setBoolOption(option: number, value: boolean): void {
    this.#set(option, "Bool", value)
  }
  protected getInt32Option(option: number): number {
    return this.#options.get(option, "Int32") as number
  }
  protected setInt32Option(option: number, value: number): void {
    this.#set(option, "Int32", value)
  }
  protected getUint32Option(option: number): number {
    return this.#options.get(option, "Uint32") as number
  }
  protected setUint32Option(option: number, value: number): void {
    this.#set(option, "Uint32", value)
  }
  protected getInt64Option(option: number): number {
    return this.#options.get(option, "Int64") as number
  }
  protected setInt64Option(option: number, value: number): void {
    this.#set(option, "Int64", value)
  }
  protected getUint64Option(option: number): number {
    return this.#options.get(option, "Uint64") as number
  }
  protected setUint64Option(option: number, value: number): void {
    this.#set(option, "Uint64", value)
  }
  protected getStringOption(option: number): string | null {
    return this.#options.get(option, "String") as string | null
  }
  protected setStringOption(option: number, value: string | Buffer | null): void {
    if (option === 6 || option === 7) this.#subscribe(option === 6, value)
    else if (option === 61) this.#nextPeer = value === null ? null : value.toString()
    else this.#set(option, "String", value)
  }

  #set(id: number, type: OptionType, value: unknown): void {
    if (this.#state === "closed") throw errnoError("EBADF")
    const option = this.#options.set(id, type, value)
    const mechanism = mechanismSetBy(id, this.#options.get(id, type))
    if (mechanism !== undefined) this.#options.put(43, mechanism)
    if (id === 23 || id === 24) this.#core?.refreshLimits()
    // Verboser is more than verbose, and either way of setting verbose ends it.
    if (id === 40) this.#options.put(78, false)
    if (option.immediate || (this.#state === "open" && this.#bound.size === 0 && this.#connected.size === 0)) return
    process.emitWarning("Socket option will not take effect until next connect/bind.")
  }

  #subscribe(wanted: boolean, value: string | Buffer | null): void {
    if (value !== null && typeof value !== "string" && !(value instanceof Uint8Array))
      throw new TypeError("Option value must be a string or buffer")
    const core = this.#engine()
    if (!("subscribe" in core) || (this.#type !== Type.Subscriber && this.#type !== Type.XPublisher))
      throw errnoError("EINVAL")
    const prefix = value === null ? Buffer.alloc(0) : typeof value === "string" ? Buffer.from(value) : value
    if (wanted) core.subscribe(prefix)
    else core.unsubscribe(prefix)
  }

  // ---- the engine ----

  #engine(): CoreSocket {
    if (this.#core !== undefined) return this.#core
    const core = openCore(this.#type, engineOptions(this.#options, this.#context, this.#carriers))
    core.events.on("*", event => {
      if (this.#watchers.length === 0) return
      const told = eventOf(event, address => this.#shown.get(address) ?? shownBefore(address))
      if (told !== undefined) this.#tell(told)
    })
    this.#core = core
    opened(this)
    return core
  }

  #tell(event: Event): void {
    for (const watcher of this.#watchers) watcher(event)
  }

  #assertUsable(): void {
    if (this.#state === "closed") throw errnoError("EBADF")
    if (this.#state === "blocked")
      throw errnoError("EBUSY", { message: "Socket is blocked by a bind or unbind operation" })
  }

  /** The engine's socket when the address is one it can use, or what is wrong with it. */
  #addressed(address: string): CoreSocket | Error {
    if (typeof address !== "string") throw new TypeError("Address must be a string")
    try {
      const { scheme, rest } = parseAddress(address)
      if (!this.#carriers.some(one => one.schemes.includes(scheme))) return errnoError("EPROTONOSUPPORT", { address })
      if (scheme === "tcp") parseTcp(rest.slice(rest.indexOf(";") + 1))
      // Keys that are none are said here, and not when somebody connects.
      securityOf(this.#options, this.#carriers)
    } catch (thrown) {
      return translated(thrown, address)
    }
    return this.#engine()
  }

  async #blocking(work: () => Promise<void>): Promise<void> {
    this.#state = "blocked"
    hold()
    try {
      await work()
    } finally {
      release()
      this.#state = "open"
      if (this.#closeWanted) this.close()
    }
  }

  #forgetBound(bound: string): void {
    for (const [name, each] of this.#bound) if (each === bound) this.#bound.delete(name)
  }
}
defineOptions(Socket.prototype, anySocket, "Socket")

/** libzmq shows every interface as its null address. */
function shownAs(asked: string, bound: string): string {
  const port = /:(\d+)$/.exec(bound)?.[1]
  return asked.startsWith("tcp://*:") && port !== undefined ? `tcp://0.0.0.0:${port}` : bound
}
/** An address that is not bound yet, in an event. */
function shownBefore(address: string): string {
  return shownAs(address, address)
}

/** libzmq's number of the mechanism that an option chooses. */
function mechanismSetBy(id: number, value: unknown): number | undefined {
  const on = value !== null && value !== false
  if (id === 44 || id === 45 || id === 46) return on ? 1 : 0
  if (id === 47 || id === 50) return on ? 2 : 0
  return undefined
}
