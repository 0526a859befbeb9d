/** The options of sockets and contexts: libzmq's numbers and defaults, zeromq.js's names. */

export type OptionType = "Bool" | "Int32" | "Uint32" | "Int64" | "Uint64" | "String"
export type OptionValue = boolean | number | string | null

export interface Option {
  readonly name: string
  /** libzmq's number. */
  readonly id: number
  readonly type: OptionType
  readonly initial: OptionValue
  /** Default: both. */
  readonly access?: "read" | "write"
  /** Socket types that have it, by number; default: all. */
  readonly on?: readonly number[]
  /** Set on an open socket it takes effect at once, and needs no warning. */
  readonly immediate?: true
  /** Names for its numbers. */
  readonly values?: readonly (string | null)[]
  /** Least and greatest number that libzmq takes; default: any of its type. What is refused leaves what was there. */
  readonly min?: number
  readonly max?: number
  /** It is cut to a multiple of this, as libzmq keeps it. */
  readonly step?: number
  /** Least and most octets that libzmq takes; default: any. */
  readonly octets?: readonly [least: number, most: number]
  /** Null is refused. */
  readonly needed?: true
  /** What the text must be: a CURVE key, of 32 octets or as Z85; an address, perhaps with the length of a prefix. */
  readonly form?: "key" | "addresses"
}

/** libzmq's numbers of socket types. */
export const Type = {
  Pair: 0,
  Publisher: 1,
  Subscriber: 2,
  Request: 3,
  Reply: 4,
  Dealer: 5,
  Router: 6,
  Pull: 7,
  Push: 8,
  XPublisher: 9,
  XSubscriber: 10,
  Stream: 11,
} as const

/** Where libzmq's own numbers end. */
const int32Max = 2 ** 31 - 1

const { Pair, Publisher, Subscriber, Request, Reply, Dealer, Router, Pull, Push, XPublisher, XSubscriber, Stream } =
  Type
const senders = [Pair, Publisher, Request, Reply, Dealer, Router, Push, XPublisher, XSubscriber, Stream]
const receivers = [Pair, Subscriber, Request, Reply, Dealer, Router, Pull, XPublisher, XSubscriber, Stream]
const principals = ["hostBased", "userName", "krb5Principal"]

/** Everything there is. Those that mean nothing here are kept and given back (docs/reference/zeromq.md says which; a test holds it). */
export const socketOptions: readonly Option[] = [
  { name: "affinity", id: 4, type: "Uint64", initial: 0 },
  {
    name: "routingId",
    id: 5,
    type: "String",
    initial: null,
    octets: [1, 255],
    needed: true,
    on: [Request, Reply, Router, Dealer],
  },
  { name: "rate", id: 8, type: "Int32", initial: 100, min: 1 },
  { name: "recoveryInterval", id: 9, type: "Int32", initial: 10_000, min: 0 },
  { name: "sendBufferSize", id: 11, type: "Int32", initial: -1, min: -1, on: senders },
  { name: "receiveBufferSize", id: 12, type: "Int32", initial: -1, min: -1, on: receivers },
  { name: "type", id: 16, type: "Int32", initial: 0, access: "read" },
  { name: "linger", id: 17, type: "Int32", initial: -1, min: -1, immediate: true },
  { name: "reconnectInterval", id: 18, type: "Int32", initial: 100, min: -1 },
  { name: "backlog", id: 19, type: "Int32", initial: 100, min: 0 },
  { name: "reconnectMaxInterval", id: 21, type: "Int32", initial: 0, min: 0 },
  { name: "maxMessageSize", id: 22, type: "Int64", initial: -1 },
  { name: "sendHighWaterMark", id: 23, type: "Int32", initial: 1000, min: 0, on: senders, immediate: true },
  { name: "receiveHighWaterMark", id: 24, type: "Int32", initial: 1000, min: 0, on: receivers, immediate: true },
  { name: "multicastHops", id: 25, type: "Int32", initial: 1, min: 1, on: senders },
  { name: "receiveTimeout", id: 27, type: "Int32", initial: -1, min: -1, on: receivers, immediate: true },
  { name: "sendTimeout", id: 28, type: "Int32", initial: -1, min: -1, on: senders, immediate: true },
  { name: "lastEndpoint", id: 32, type: "String", initial: null, access: "read" },
  { name: "mandatory", id: 33, type: "Bool", initial: false, on: [Router], immediate: true },
  { name: "tcpKeepalive", id: 34, type: "Int32", initial: -1, min: -1, max: 1 },
  { name: "tcpKeepaliveCount", id: 35, type: "Int32", initial: -1, min: -1 },
  { name: "tcpKeepaliveIdle", id: 36, type: "Int32", initial: -1, min: -1 },
  { name: "tcpKeepaliveInterval", id: 37, type: "Int32", initial: -1, min: -1 },
  { name: "tcpAcceptFilter", id: 38, type: "String", initial: null, octets: [1, 255], form: "addresses" },
  { name: "immediate", id: 39, type: "Bool", initial: false },
  { name: "ipv6", id: 42, type: "Bool", initial: false },
  {
    name: "securityMechanism",
    id: 43,
    type: "Int32",
    initial: 0,
    access: "read",
    values: [null, "plain", "curve", "gssapi"],
  },
  { name: "plainServer", id: 44, type: "Bool", initial: false },
  { name: "plainUsername", id: 45, type: "String", initial: null, octets: [1, 255] },
  { name: "plainPassword", id: 46, type: "String", initial: null, octets: [1, 255] },
  { name: "curveServer", id: 47, type: "Bool", initial: false },
  { name: "curvePublicKey", id: 48, type: "String", initial: null, form: "key", needed: true },
  { name: "curveSecretKey", id: 49, type: "String", initial: null, form: "key", needed: true },
  { name: "curveServerKey", id: 50, type: "String", initial: null, form: "key", needed: true },
  {
    name: "probeRouter",
    id: 51,
    type: "Bool",
    initial: false,
    access: "write",
    on: [Router, Dealer, Request],
    immediate: true,
  },
  { name: "correlate", id: 52, type: "Bool", initial: false, access: "write", on: [Request], immediate: true },
  { name: "relaxed", id: 53, type: "Bool", initial: false, access: "write", on: [Request], immediate: true },
  {
    name: "conflate",
    id: 54,
    type: "Bool",
    initial: false,
    access: "write",
    on: [Pull, Push, Subscriber, Publisher, Dealer],
  },
  { name: "zapDomain", id: 55, type: "String", initial: null, octets: [1, 255], needed: true },
  { name: "handover", id: 56, type: "Bool", initial: false, access: "write", on: [Router], immediate: true },
  { name: "typeOfService", id: 57, type: "Uint32", initial: 0, max: int32Max },
  { name: "gssapiServer", id: 62, type: "Bool", initial: false },
  { name: "gssapiPrincipal", id: 63, type: "String", initial: null, octets: [1, 255] },
  { name: "gssapiServicePrincipal", id: 64, type: "String", initial: null, octets: [1, 255] },
  { name: "gssapiPlainText", id: 65, type: "Bool", initial: false },
  { name: "handshakeInterval", id: 66, type: "Int32", initial: 30_000, min: 0 },
  { name: "socksProxy", id: 68, type: "String", initial: null, octets: [1, int32Max] },
  { name: "noDrop", id: 69, type: "Bool", initial: false, access: "write", on: [XPublisher, Publisher] },
  { name: "manual", id: 71, type: "Bool", initial: false, access: "write", on: [XPublisher] },
  { name: "welcomeMessage", id: 72, type: "String", initial: null, access: "write", on: [XPublisher] },
  { name: "notify", id: 73, type: "Bool", initial: true, access: "write", on: [Stream] },
  { name: "invertMatching", id: 74, type: "Bool", initial: false, on: [Publisher, Subscriber, XPublisher] },
  { name: "heartbeatInterval", id: 75, type: "Int32", initial: 0, min: 0 },
  { name: "heartbeatTimeToLive", id: 76, type: "Int32", initial: 0, min: 0, max: 6_553_500, step: 100 },
  { name: "heartbeatTimeout", id: 77, type: "Int32", initial: -1, min: 0 },
  { name: "connectTimeout", id: 79, type: "Int32", initial: 0, min: 0 },
  { name: "tcpMaxRetransmitTimeout", id: 80, type: "Int32", initial: 0, min: 0 },
  { name: "threadSafe", id: 81, type: "Bool", initial: false, access: "read" },
  { name: "multicastMaxTransportDataUnit", id: 84, type: "Int32", initial: 1500, min: 1 },
  { name: "vmciBufferSize", id: 85, type: "Uint64", initial: 0 },
  { name: "vmciBufferMinSize", id: 86, type: "Uint64", initial: 0 },
  { name: "vmciBufferMaxSize", id: 87, type: "Uint64", initial: 0 },
  { name: "vmciConnectTimeout", id: 88, type: "Int32", initial: -1 },
  { name: "gssapiPrincipalNameType", id: 90, type: "Int32", initial: 0, min: 0, values: principals },
  { name: "gssapiServicePrincipalNameType", id: 91, type: "Int32", initial: 0, min: 0, values: principals },
  { name: "interface", id: 92, type: "String", initial: null, octets: [1, 16] },
  { name: "zapEnforceDomain", id: 93, type: "Bool", initial: false },
  { name: "loopbackFastPath", id: 94, type: "Bool", initial: false },
  // Without a property of their own.
  { name: "", id: 6, type: "String", initial: null, access: "write", on: [Subscriber, XPublisher], immediate: true },
  { name: "", id: 7, type: "String", initial: null, access: "write", on: [Subscriber, XPublisher], immediate: true },
  { name: "", id: 40, type: "Bool", initial: false, access: "write", on: [XPublisher], immediate: true },
  { name: "", id: 61, type: "String", initial: null, access: "write", on: [Router, Stream], immediate: true },
  { name: "", id: 78, type: "Bool", initial: false, access: "write", on: [XPublisher], immediate: true },
  { name: "", id: 98, type: "Bool", initial: false, access: "write", on: [XPublisher] },
]

export const contextOptions: readonly Option[] = [
  { name: "ioThreads", id: 1, type: "Int32", initial: 1, min: 0 },
  { name: "maxSockets", id: 2, type: "Int32", initial: 1023, min: 1 },
  { name: "maxSocketsLimit", id: 3, type: "Int32", initial: 65_535, access: "read" },
  { name: "threadPriority", id: 3, type: "Int32", initial: -1, min: 0, access: "write" },
  { name: "threadSchedulingPolicy", id: 4, type: "Int32", initial: -1, min: 0, access: "write" },
  { name: "maxMessageSize", id: 5, type: "Int32", initial: 2 ** 31 - 1, min: 0 },
  { name: "ipv6", id: 42, type: "Bool", initial: false },
  { name: "blocky", id: 70, type: "Bool", initial: true },
]
