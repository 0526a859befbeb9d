/** Makes a view of octets [start, end) of a buffer. */
export type FrameView = (buffer: Uint8Array, start: number, end: number) => Uint8Array

/**
 * The shape in which received messages travel between layers: a run of whole messages from one connection, kept
 * flat, so that decoding makes no object per message and a reader that needs only a few octets makes no view.
 *
 *   first:   0     2        5          index of each message's first frame; one more entry closes the last
 *   frames:  [f0 f1][f2 f3 f4]         frame j is bytes [starts[j], ends[j]) of buffers[j]
 */
export class FrameBatch {
  /** The connection all messages came from; its number is never used again in that socket. */
  connection = 0
  /** How many messages. */
  count = 0
  /** How many frames in all messages together. */
  frames = 0
  readonly first: number[] = [0]
  readonly buffers: Uint8Array[] = []
  readonly starts: number[] = []
  readonly ends: number[] = []

  /** Adds a frame to the message being built. */
  addFrame(buffer: Uint8Array, start: number, end: number): void {
    const at = this.frames++
    this.buffers[at] = buffer
    this.starts[at] = start
    this.ends[at] = end
  }

  /** Ends the message being built. */
  endMessage(): void {
    this.first[++this.count] = this.frames
  }

  /** Adds a whole message of its own frames. */
  addMessage(frames: readonly Uint8Array[]): void {
    for (const frame of frames) this.addFrame(frame, 0, frame.length)
    this.endMessage()
  }

  /** How many frames message `index` has. */
  framesOf(index: number): number {
    return this.first[index + 1]! - this.first[index]!
  }

  /** A view of frame `part` of message `index`. */
  frame(index: number, part: number): Uint8Array {
    const at = this.first[index]! + part
    return this.buffers[at]!.subarray(this.starts[at]!, this.ends[at]!)
  }

  /** All frames of message `index`, as views; of another kind than Uint8Array if `view` makes them so. */
  message(index: number, view: FrameView = plainView): Uint8Array[] {
    const at = this.first[index]!
    const end = this.first[index + 1]!
    // The usual message has one frame, and needs no growing.
    if (end - at === 1) return [view(this.buffers[at]!, this.starts[at]!, this.ends[at]!)]
    const frames: Uint8Array[] = []
    for (let part = at; part < end; part++) frames.push(view(this.buffers[part]!, this.starts[part]!, this.ends[part]!))
    return frames
  }

  /** Forgets everything, keeping the arrays for the next run. */
  clear(): void {
    // The references go, or an idle socket would pin the last chunks it read.
    for (let i = 0; i < this.frames; i++) this.buffers[i] = none
    this.count = 0
    this.frames = 0
  }
}

const none = new Uint8Array(0)

function plainView(buffer: Uint8Array, start: number, end: number): Uint8Array {
  return buffer.subarray(start, end)
}
