/**
 * What a client must hear of its own frames: those that the host took and could not pass on. Each notice is kept until
 * the client is known to have it, and goes again with the ACCEPT of a resumed session, so that a broken connection does
 * not turn a failed send into a success (decision 24). An ACK never overtakes a notice.
 */
import type { MessageInitShape } from "@bufbuild/protobuf"
import type { ControlBody } from "../../message/control.ts"
import type { AcceptSchema } from "../../message/generated/control_pb.ts"

/** Notices kept for one client; the oldest makes room, and its client is told how far it cannot be sure. */
const noticesMax = 1024

export type NoticeBody = Extract<ControlBody, { case: "undeliverable" | "denied" }>

interface Notice {
  /** The leg number of the frame it is about. */
  readonly leg: number
  readonly body: NoticeBody
  /** The last heartbeat sent before it; undefined while it has not gone out. */
  after: number | undefined
  readonly onDropped: (() => void) | undefined
}

export class Notices {
  #last = 0
  #kept: Notice[] = []
  #lostThrough = 0
  #overflowed = false

  /** One was dropped that never went out: only a new ACCEPT can say so. */
  get overflowed(): boolean {
    return this.#overflowed
  }
  /** What an ACCEPT says of them. */
  get unheard(): Pick<MessageInitShape<typeof AcceptSchema>, "undeliverable" | "denied" | "noticesLostThrough"> {
    const bodies = this.#kept.map(notice => notice.body)
    return {
      undeliverable: bodies.flatMap(body => (body.case === "undeliverable" ? [body.value] : [])),
      denied: bodies.flatMap(body => (body.case === "denied" ? [body.value] : [])),
      noticesLostThrough: BigInt(this.#lostThrough),
    }
  }

  /** Numbers it and keeps it, to go out with the next `flush`. `onDropped`: it made room for others, unconfirmed. */
  add(leg: number, body: NoticeBody, onDropped?: () => void): void {
    const number = BigInt(++this.#last)
    const numbered = { ...body, value: { ...body.value, number } } as NoticeBody
    this.#kept.push({ leg, body: numbered, after: undefined, onDropped })
    if (this.#kept.length <= noticesMax) return
    const dropped = this.#kept.shift()!
    this.#lostThrough = dropped.leg
    dropped.onDropped?.()
    if (dropped.after === undefined) this.#overflowed = true
  }

  /** Sends, in order, what has not gone out; false when not all of it could. */
  flush(heartbeat: number, send: (body: NoticeBody) => boolean): boolean {
    for (const notice of this.#kept) {
      if (notice.after !== undefined) continue
      if (!send(notice.body)) return false
      notice.after = heartbeat
    }
    return true
  }

  /** All of them went with an ACCEPT. */
  sentAgain(heartbeat: number): void {
    for (const notice of this.#kept) notice.after = heartbeat
    this.#overflowed = false
  }

  /** It has answered that heartbeat, so it has whatever went out before that. */
  confirm(heartbeat: number): void {
    while (this.#kept.length > 0 && (this.#kept[0]!.after ?? heartbeat) < heartbeat) this.#kept.shift()
    if (this.#kept.length === 0) this.#lostThrough = 0
  }
}
