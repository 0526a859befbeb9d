/** Finds the carrier that serves an address. */
import { badAddress, parseAddress } from "../address.ts"
import type { Carrier } from "../carrier.ts"

export class CarrierTable {
  readonly #carriers: readonly Carrier[]

  constructor(carriers: readonly Carrier[]) {
    this.#carriers = carriers
  }

  get schemes(): readonly string[] {
    return this.#carriers.flatMap(one => one.schemes)
  }

  /** Throws `BadAddress` when the address cannot be read or nobody serves its scheme. */
  find(address: string): Carrier {
    const { scheme } = parseAddress(address)
    const carrier = this.#carriers.find(one => one.schemes.includes(scheme))
    if (carrier === undefined) throw badAddress(address, `the schemes here are ${this.schemes.join(", ")}`)
    return carrier
  }

  /** The same for an address to dial, which the carrier looks at, too. Throws `BadAddress`. */
  findToDial(address: string): Carrier {
    const carrier = this.find(address)
    carrier.checkToDial?.(address)
    return carrier
  }
}
