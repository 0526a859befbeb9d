import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { fromUtf8 } from "../../core/bytes.ts"
import type { ByteStreamHandler } from "../carrier.ts"
import { acceptReading, type Reading } from "./node-read.ts"
import { NodeStream } from "./node-stream.ts"

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** An accepted socket, made by `accept`, and the client at its other end. */
async function pair(accept: (server: Server, onSocket: (socket: Socket, reading?: Reading) => void) => void) {
  const server = createServer()
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const accepted = new Promise<NodeStream>(resolve => {
    accept(server, (socket, reading) => resolve(new NodeStream(socket, "client", reading)))
  })
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1")
  const stream = await accepted
  ends.push(() => {
    stream.destroy()
    client.destroy()
    server.close()
  })
  return { stream, client }
}

function listen(stream: NodeStream, borrows: boolean) {
  const chunks: Uint8Array[] = []
  let poke = () => {}
  const ear: ByteStreamHandler = {
    onBytes: chunk => {
      chunks.push(chunk)
      poke()
    },
    ...(borrows && {
      onBorrowed: (chunk: Uint8Array) => {
        chunks.push(new Uint8Array(chunk))
        poke()
      },
    }),
    onDrain: () => {},
    onClose: () => poke(),
  }
  stream.start(ear)
  return async (length: number) => {
    while (chunks.reduce((sum, chunk) => sum + chunk.length, 0) < length) {
      await new Promise<void>(resolve => {
        poke = resolve
      })
    }
    return chunks.map(fromUtf8).join("")
  }
}

describe.each([
  ["with the shared read buffer", acceptReading],
  [
    "as the server makes them",
    (server: Server, onSocket: (socket: Socket) => void) => server.on("connection", onSocket),
  ],
])("accepted sockets %s", (_, accept) => {
  it.each([true, false])(
    "read what comes, and what came before they were listened to (borrowing: %s)",
    async borrows => {
      const { stream, client } = await pair(accept)
      client.write("early ")
      const heard = listen(stream, borrows)
      client.write("late")
      expect(await heard(10)).toBe("early late")
    },
    5_000,
  )

  it("stop at pause and go on at resume", async () => {
    const { stream, client } = await pair(accept)
    const heard = listen(stream, false)
    client.write("one ")
    expect(await heard(4)).toBe("one ")
    stream.pause()
    client.write("two")
    await new Promise(resolve => setImmediate(resolve))
    stream.resume()
    expect(await heard(7)).toBe("one two")
  })

  it("leave a chunk to its reader, who does not borrow", async () => {
    const { stream, client } = await pair(accept)
    const heard = listen(stream, false)
    for (const word of ["a", "b", "c"]) {
      client.write(word)
      await heard("abc".indexOf(word) + 1)
    }
    expect(await heard(3)).toBe("abc")
  })

  it("tell the end", async () => {
    const { stream, client } = await pair(accept)
    const closed = new Promise<void>(resolve => {
      stream.start({ onBytes: () => {}, onDrain: () => {}, onClose: () => resolve() })
    })
    client.end()
    await closed
  })
})

describe("acceptReading", () => {
  it("finds the server's handle on this Node", async () => {
    let found: Reading | undefined
    await pair((server, onSocket) =>
      acceptReading(server, (socket, reading) => {
        found = reading
        onSocket(socket, reading)
      }),
    )
    expect(found).toBeDefined()
  })

  it("lets others have their turn while one is sent more than it can handle", async () => {
    const { stream, client } = await pair(acceptReading)
    const length = 4 * 1024 * 1024
    const readIn: number[] = []
    let [turn, got, isOver] = [0, 0, false]
    const count = () => {
      turn++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    await new Promise<void>(resolve => {
      stream.start({
        onBytes: () => {},
        onBorrowed: chunk => {
          if (chunk.length >= 16 * 1024) readIn.push(turn)
          got += chunk.length
          for (const until = performance.now() + 25; performance.now() < until; );
          if (got === length) resolve()
        },
        onDrain: () => {},
        onClose: () => {},
      })
      client.write(new Uint8Array(length))
    })
    isOver = true
    expect(readIn.length).toBeGreaterThan(3)
    expect(new Set(readIn).size).toBe(readIn.length)
  })

  it("does not read on after a turn when it was paused meanwhile", async () => {
    const { stream, client } = await pair(acceptReading)
    let chunks = 0
    const first = new Promise<void>(resolve => {
      stream.start({
        onBytes: () => {},
        onBorrowed: () => {
          chunks++
          for (const until = performance.now() + 25; performance.now() < until; );
          stream.pause()
          resolve()
        },
        onDrain: () => {},
        onClose: () => {},
      })
    })
    client.write(new Uint8Array(1024 * 1024))
    await first
    const before = chunks
    for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
    expect(chunks).toBe(before)
  })
})
