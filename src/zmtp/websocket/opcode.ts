/** What a WebSocket frame is (RFC 6455, 5.2). */
export const Opcode = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const
export type Opcode = (typeof Opcode)[keyof typeof Opcode]

/** Why a side closes (RFC 6455, 7.4.1). */
export const CloseCode = {
  Normal: 1000,
  GoingAway: 1001,
  ProtocolError: 1002,
  Unsupported: 1003,
  TooBig: 1009,
} as const

/** The octet that begins each message of ZWS (rfc:45). */
export const ZwsFlag = { Last: 0, More: 1, Command: 2 } as const

/** Most octets of a control frame's payload. */
export const controlMax = 125
