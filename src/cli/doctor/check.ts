/** One thing that the doctor looks at. */

export type CheckStatus = "ok" | "warn" | "fail" | "skip"

export interface CheckResult {
  readonly check: string
  readonly status: CheckStatus
  /** What was found. */
  readonly found: string
  /** What to do, unless it is ok. */
  readonly next?: string
}

export interface Finding {
  readonly status: CheckStatus
  readonly found: string
  readonly next?: string
}

/** Runs one check; one that throws has failed. */
export async function examine(check: string, look: () => Promise<Finding> | Finding): Promise<CheckResult> {
  try {
    return { check, ...(await look()) }
  } catch (error) {
    return {
      check,
      status: "fail",
      found: error instanceof Error ? error.message : String(error),
      next: "this check itself failed; run again with --log-level debug",
    }
  }
}

export function ok(found: string): Finding {
  return { status: "ok", found }
}
export function warn(found: string, next: string): Finding {
  return { status: "warn", found, next }
}
export function fail(found: string, next: string): Finding {
  return { status: "fail", found, next }
}
export function skip(found: string): Finding {
  return { status: "skip", found }
}
