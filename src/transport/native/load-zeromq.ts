/** The one place that reaches for the optional package. */
import { ZincError } from "../../core/errors.ts"

/** npm `zeromq`, of which we use the sockets. */
export type Zeromq = typeof import("zeromq")

/** Throws `MissingPackage` when it is not installed or does not load on this machine. */
export async function loadZeromq(specifier: string = "zeromq"): Promise<Zeromq> {
  try {
    const loaded = (await import(specifier)) as Zeromq & { readonly default?: Zeromq }
    return loaded.Dealer === undefined && loaded.default !== undefined ? loaded.default : loaded
  } catch (cause) {
    throw new ZincError(
      "MissingPackage",
      'the native transport needs the package "zeromq"; run "npm install zeromq@6", or use the zmtp transport, which needs none',
      { cause },
    )
  }
}
