/** Answers of an HTTP server, in bounded memory. */
import { concat, fromUtf8, utf8 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"

/** Octets of one answer, or of one line of a stream. */
export const answerBytesMax: number = 8 * 1024 * 1024

/** The whole answer, a JSON object. Throws `BadFrame` for anything else. */
export async function readBody(response: Response): Promise<Record<string, unknown>> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunksOf(response)) {
    length += chunk.length
    if (length > answerBytesMax) throw tooLong()
    chunks.push(chunk)
  }
  return parsed(concat(chunks))
}

/** Each line of an answer that does not end soon. Throws `BadFrame` for a line that is no JSON object or is too long. */
export async function readLines(response: Response, take: (line: Record<string, unknown>) => void): Promise<void> {
  let begun: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunksOf(response)) {
    let rest = chunk
    for (let end = rest.indexOf(newline); end !== -1; end = rest.indexOf(newline)) {
      begun.push(rest.subarray(0, end))
      rest = rest.subarray(end + 1)
      const line = concat(begun)
      begun = []
      length = 0
      if (line.length > 0) take(parsed(line))
    }
    length += rest.length
    if (length > answerBytesMax) throw tooLong()
    if (rest.length > 0) begun.push(rest)
  }
}

const newline = utf8("\n")[0]!

/** Leaving the loop early lets go of the connection. */
async function* chunksOf(response: Response): AsyncIterable<Uint8Array> {
  const reader = response.body?.getReader()
  if (reader === undefined) return
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    void reader.cancel().catch(() => {})
  }
}

function parsed(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(fromUtf8(bytes))
  } catch (cause) {
    throw new ZincError("BadFrame", "an answer that is not JSON from what should be etcd", { cause })
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ZincError("BadFrame", "an answer that is no object from what should be etcd")
  return value as Record<string, unknown>
}

function tooLong(): ZincError {
  return new ZincError("BadFrame", `an answer of more than ${answerBytesMax} octets from what should be etcd`)
}
