/**
 * What no voter ever says: an epoch, revision or ballot far above all that was heard, or a number after which none can be
 * counted. All of them rise one by one, so such a frame is a mistake or an attack, and what it says would be stored.
 */
import type { RootRecord } from "./root-record.ts"
import type { VoterMessage } from "./voter-message.ts"

/** How far ahead of us another voter may be: more changes of root or record than any tree sees while one of its voters is away. */
export const jumpMax: number = 2 ** 20
/** Places in the log, in a stream, of an origin: there is room above for all that is still to come. */
export const numberMax: number = 2 ** 52

export interface Known {
  readonly highestEpoch: number
  readonly record: RootRecord | undefined
}

/** Whether a record may be newer than the one we know, as far as its numbers go. */
export function isPlausibleRecord({ epoch, revision }: RootRecord, { highestEpoch, record }: Known): boolean {
  return epoch <= highestEpoch + jumpMax && revision <= (record?.revision ?? 0) + jumpMax
}

export function isPlausible(message: VoterMessage, known: Known): boolean {
  const epochMax = known.highestEpoch + jumpMax
  const epochs: number[] = []
  const numbers: number[] = []
  const records: (RootRecord | undefined)[] = []
  switch (message.type) {
    case "append":
      epochs.push(message.epoch)
      numbers.push(message.previous.number, message.committed)
      records.push(message.record)
      for (const { epoch, number, order, sequence } of message.entries) {
        epochs.push(epoch)
        numbers.push(number, order, sequence)
      }
      break
    case "installSnapshot":
      epochs.push(message.epoch, message.snapshot.at.epoch)
      numbers.push(message.snapshot.at.number, ...message.snapshot.streams.map(({ order }) => order))
      records.push(message.record)
      break
    case "appended":
      epochs.push(message.epoch, message.signed)
      numbers.push(message.last, message.matched ?? 0)
      break
    case "wouldSignReply":
      epochs.push(message.epoch, message.signed)
      records.push(message.record)
      break
    case "signature":
      epochs.push(message.epoch, message.signed, message.last.epoch)
      numbers.push(message.last.number)
      records.push(message.record)
      break
    case "fetched":
      epochs.push(message.epoch, message.last.epoch)
      numbers.push(message.last.number, message.snapshot?.at.number ?? 0)
      for (const { number, order, sequence } of message.entries) numbers.push(number, order, sequence)
      break
    case "handOver":
      epochs.push(message.epoch, message.released)
      numbers.push(message.last.number, message.revision)
      break
    case "sign":
      epochs.push(message.epoch, message.released)
      break
    case "wouldSign":
    case "fetch":
    case "makeReady":
    case "ready":
    case "released":
      epochs.push(message.epoch)
      break
    case "recordPromise":
      records.push(message.accepted?.record)
      break
    case "recordAccept":
      records.push(message.record)
      break
    default:
  }
  return (
    epochs.every(epoch => epoch <= epochMax) &&
    numbers.every(number => number <= numberMax) &&
    records.every(each => each === undefined || isPlausibleRecord(each, known))
  )
}
