// Runs in a worker thread. It gets a plain copy of the message, and what it returns is the reply.
import { threadId } from "node:worker_threads"

export default function countPrimes({ value: { below } }) {
  const composite = new Uint8Array(below)
  let count = 0
  for (let n = 2; n < below; n++) {
    if (composite[n] === 1) continue
    count++
    for (let multiple = n * n; multiple < below; multiple += n) composite[multiple] = 1
  }
  return { count, thread: threadId }
}
