/** Slips in what a caller gives, told at the call and with a code, not by whatever would break later. Each throws `BadOption`. */
import { ZincError } from "./errors.ts"

/** Options are an object, if anything. */
export function checkOptions(options: unknown): void {
  if (options === undefined || (typeof options === "object" && options !== null)) return
  throw new ZincError("BadOption", `options are an object, not ${describe(options)}`)
}

/** A signal is an AbortSignal, or what looks like one, if anything. */
export function checkSignal(signal: unknown): void {
  if (signal === undefined) return
  const { addEventListener, aborted } = (signal ?? {}) as Partial<AbortSignal>
  if (typeof addEventListener === "function" && typeof aborted === "boolean") return
  throw new ZincError("BadOption", `signal must be an AbortSignal, not ${describe(signal)}`)
}

export function checkFunction(name: string, given: unknown): void {
  if (typeof given !== "function")
    throw new ZincError("BadOption", `${name} must be a function, not ${describe(given)}`)
}

function describe(given: unknown): string {
  return typeof given === "object" ? Object.prototype.toString.call(given) : String(given).slice(0, 80)
}

/** For people: "null", "a string", "an ArrayBuffer". */
export function kindOf(given: unknown): string {
  if (given === null || given === undefined) return String(given)
  if (typeof given === "number" || typeof given === "boolean") return String(given)
  if (typeof given !== "object") return `a ${typeof given}`
  const name = Object.prototype.toString.call(given).slice(8, -1)
  if (name === "Object") return "a plain object"
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`
}
