/** The values of one socket's or context's options, checked as libzmq's binding checks them. */
import { toZ85 } from "../core/z85.ts"
import { errnoError } from "./errors.ts"
import { fitting, keyOctets } from "./option-range.ts"
import { type Option, type OptionType, type OptionValue, socketOptions } from "./option-table.ts"

const initials = new Map(socketOptions.map(option => [option.id, option.initial]))

export class OptionBag {
  readonly #table: ReadonlyMap<number, Option>
  readonly #values = new Map<number, OptionValue>()
  /** Grows with each change, for what is made of several options. */
  version = 0

  constructor(table: ReadonlyMap<number, Option>) {
    this.#table = table
  }

  /** Throws `EINVAL` for what does not exist or is of another type. */
  get(id: number, type: OptionType): OptionValue {
    return this.#value(this.#find(id, type))
  }

  /** The same for those who know: without a check, and with the default where this kind of socket has no such option. */
  value<T extends OptionValue>(id: number): T {
    const value = this.#values.get(id)
    return (value === undefined ? initials.get(id) : value) as T
  }

  /** Throws `TypeError` for a value of a wrong type, `EINVAL` for what does not exist or is out of its range. */
  set(id: number, type: OptionType, value: unknown): Option {
    if (typeof id !== "number") throw new TypeError("Identifier must be a number")
    const known = checked(type, value, this.#table.get(id)?.form === "key")
    const option = this.#find(id, type)
    this.put(id, fitting(option, known))
    return option
  }

  /** Sets without a check. */
  put(id: number, value: OptionValue): void {
    this.version++
    this.#values.set(id, value)
  }

  #find(id: number, type: OptionType): Option {
    const option = this.#table.get(id)
    if (option === undefined || option.type !== type) throw errnoError("EINVAL")
    return option
  }

  #value(option: Option): OptionValue {
    const value = this.#values.get(option.id)
    return value === undefined ? option.initial : value
  }
}

function checked(type: OptionType, value: unknown, isKey: boolean): OptionValue {
  if (type === "Bool") {
    if (typeof value !== "boolean") throw new TypeError("Option value must be a boolean")
    return value
  }
  if (type === "String") {
    if (value === null || typeof value === "string") return value
    if (value instanceof Uint8Array) {
      // No octets are no value; those of a key become the text that says them.
      if (value.length === 0) return null
      return isKey && value.length === keyOctets ? toZ85(value) : Buffer.from(value).toString()
    }
    throw new TypeError("Option value must be a string or buffer")
  }
  if (typeof value !== "number") throw new TypeError("Option value must be a number")
  if (type.endsWith("64") && value > Number.MAX_SAFE_INTEGER) {
    process.emitWarning("Value is larger than Number.MAX_SAFE_INTEGER and may have been rounded inaccurately.")
  }
  return value
}

/** Gives a prototype a property for each option, over its `get…Option` and `set…Option`. */
export function defineOptions(prototype: object, options: readonly Option[], shownAs: string): void {
  for (const { name, id, type, access, values } of options) {
    if (name === "") continue
    const getter = `get${type}Option`
    const setter = `set${type}Option`
    Object.defineProperty(prototype, name, {
      configurable: true,
      enumerable: false,
      ...(access !== "write" && {
        get(this: Record<string, (id: number) => OptionValue>): OptionValue {
          const value = this[getter]!(id)
          return values === undefined ? value : values[value as number]!
        },
      }),
      set:
        access === "read"
          ? () => {
              throw new TypeError(`Cannot set property ${name} of #<${shownAs}> which has only a getter`)
            }
          : function (this: Record<string, (id: number, value: unknown) => void>, value: unknown): void {
              this[setter]!(id, values === undefined ? value : values.indexOf(value as string | null))
            },
    })
  }
}
