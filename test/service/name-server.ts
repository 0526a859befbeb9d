/** A name server of a test's own, that answers what it is told to, over UDP. */
import { createSocket, type Socket } from "node:dgram"
import { type Answer, decode, encode, RECURSION_DESIRED } from "dns-packet"

export class NameServer {
  readonly #socket: Socket
  answers: readonly Answer[]
  /** False: it hears and says nothing. */
  speaks = true

  private constructor(socket: Socket, answers: readonly Answer[]) {
    this.#socket = socket
    this.answers = answers
    socket.on("message", (message, { port, address }) => {
      if (!this.speaks) return
      const query = decode(message)
      const [question] = query.questions ?? []
      if (question === undefined) return
      const named = this.answers.filter(each => each.name === question.name)
      const answer = encode({
        id: query.id ?? 0,
        type: "response",
        flags: RECURSION_DESIRED | (named.length === 0 ? nameError : 0),
        questions: [question],
        answers: named.filter(each => each.type === question.type),
      })
      socket.send(answer, port, address)
    })
  }

  static open(answers: readonly Answer[]): Promise<NameServer> {
    const socket = createSocket("udp4")
    return new Promise((resolve, reject) => {
      socket.once("error", reject)
      socket.bind(0, "127.0.0.1", () => resolve(new NameServer(socket, answers)))
    })
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`
  }

  close(): void {
    this.#socket.close()
  }
}

const nameError = 3
