/** A network link that can be cut and healed: a namespace of its own behind a pair of virtual interfaces. Needs root. */
import { execFileSync } from "node:child_process"

export class SeverableLink implements Disposable {
  /** Of this side, for a host to listen at. */
  readonly address: string
  /** Put before a program, it runs on the far side. */
  readonly within: readonly string[]
  readonly #namespace: string
  readonly #near: string

  private constructor() {
    // Names and addresses of our own, so that test runs beside each other do not meet; 198.18.0.0/15 is for such tests.
    const id = process.pid & 0x3fff
    this.#namespace = `zinc-${id}`
    this.#near = `zinc-n${id}`
    const far = `zinc-f${id}`
    const subnet = `198.18.${id >> 6}.${(id & 63) * 4}`
    const [near, beyond] = [1, 2].map(last => subnet.replace(/\d+$/, octet => `${Number(octet) + last}`))
    this.address = near!
    this.within = ["ip", "netns", "exec", this.#namespace]
    ip("netns", "add", this.#namespace)
    ip("link", "add", this.#near, "type", "veth", "peer", "name", far, "netns", this.#namespace)
    ip("addr", "add", `${near}/30`, "dev", this.#near)
    ip("link", "set", this.#near, "up")
    ip("-n", this.#namespace, "addr", "add", `${beyond}/30`, "dev", far)
    ip("-n", this.#namespace, "link", "set", far, "up")
    ip("-n", this.#namespace, "link", "set", "lo", "up")
  }

  /** Undefined where this user or machine cannot; the reason is said loudly. */
  static open(): SeverableLink | undefined {
    try {
      return new SeverableLink()
    } catch (error) {
      console.log(`!!! links cannot be cut here, these tests are SKIPPED: ${(error as Error).message.trim()}`)
      return undefined
    }
  }

  cut(): void {
    ip("link", "set", this.#near, "down")
  }
  heal(): void {
    ip("link", "set", this.#near, "up")
  }

  [Symbol.dispose](): void {
    ip("netns", "del", this.#namespace)
  }
}

function ip(...command: string[]): void {
  execFileSync("ip", command, { stdio: ["ignore", "ignore", "pipe"] })
}
