/** How a socket's options secure its connections. */
import type { Carrier } from "../transport/carrier.ts"
import {
  curveClient,
  curveServer,
  keyText,
  makeKeyPair,
  nullServer,
  type PeerAuthenticator,
  plainClient,
  plainServer,
  type Security,
} from "../zmtp/index.ts"
import type { OptionBag } from "./option-bag.ts"
import { hasZapHandler, zapAuthenticator } from "./zap.ts"

/** libzmq's numbers of mechanisms. */
const Mechanism = { Null: 0, Plain: 1, Curve: 2 } as const

/** The mechanism that the options ask for; undefined for none. Throws `BadOption` for keys that are none. */
export function securityOf(bag: OptionBag, carriers: readonly Carrier[]): Security | undefined {
  const text = (id: number) => bag.value<string | null>(id) ?? ""
  const domain = text(55)
  const ask = () => zapAuthenticator(carriers, { waitMs: bag.value<number>(66), identity: text(5) })
  // As with libzmq, NULL and CURVE need no handler unless told so; with CURVE, whoever knows our key may come in then.
  const askIfAny = (): PeerAuthenticator => {
    const asked = ask()
    return request => (bag.value<boolean>(93) || hasZapHandler(carriers) ? asked(request) : { status: 200, userId: "" })
  }
  switch (bag.value<number>(43)) {
    case Mechanism.Plain:
      return bag.value<boolean>(44)
        ? plainServer({ authenticator: ask(), domain })
        : plainClient({ username: text(45), password: text(46) })
    case Mechanism.Curve: {
      const secretKey = text(49) || keyText(makeKeyPair().secretKey)
      if (!bag.value<boolean>(47)) return curveClient({ serverKey: text(50), secretKey })
      return curveServer({ secretKey, authenticator: askIfAny(), domain })
    }
    default:
      // Without a domain nobody is asked.
      return domain === "" ? undefined : nullServer({ authenticator: askIfAny(), domain })
  }
}
