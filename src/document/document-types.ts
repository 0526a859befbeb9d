/** The document types that an endpoint can open, by name. */
import { ZincError } from "../core/errors.ts"
import type { DocumentType } from "./document-type.ts"

export class DocumentTypes {
  readonly #types = new Map<string, DocumentType>()

  constructor(types: readonly DocumentType[]) {
    for (const type of types) this.register(type)
  }

  /** Idempotent. Throws `BadOption`, `Unsupported` for an ordered type, or `TypeMismatch` for a name that another has. */
  register(type: DocumentType): void {
    if (typeof type?.name !== "string" || typeof type.open !== "function" || !/^[^\0]{1,64}$/.test(type.name)) {
      throw new ZincError("BadOption", "a document type is an object such as `text`, with a name of 1 to 64 characters")
    }
    if (type.order !== "commutative") {
      throw new ZincError(
        "Unsupported",
        `document type "${type.name}" is ${type.order}; only commutative ones are served`,
      )
    }
    const known = this.#types.get(type.name)
    if (known !== undefined && known !== type) {
      throw new ZincError("TypeMismatch", `another document type is called "${type.name}" here; rename one of them`)
    }
    this.#types.set(type.name, type)
  }

  /** Throws `Unsupported` for a name that nobody has given. */
  named(name: string): DocumentType {
    const type = this.#types.get(name)
    if (type === undefined) {
      throw new ZincError(
        "Unsupported",
        `this endpoint knows no document type "${name}"; give it in \`types\` when opening the endpoint`,
      )
    }
    return type
  }
}
