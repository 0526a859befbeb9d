/**
 * Rules of this layer that can be left out one by one, by the simulator alone, to see that it notices: every promise that
 * rests on one must be seen broken without it.
 */
export interface EndpointRules {
  /** L5: a number that has come is a duplicate. */
  readonly duplicates: boolean
  /** L5: what comes early waits for what is before it. */
  readonly parking: boolean
  /** L5, L6: what is lost for good is told. */
  readonly gaps: boolean
  /** L7: a host takes what comes up strictly in turn. */
  readonly turns: boolean
  /** L7: what is not rooted is kept, and sent again to another host. */
  readonly keeping: boolean
  /** L7: only what the root has is rooted. */
  readonly rooting: boolean
  /** T1: the old host is left only when all that it said has come from the new one. */
  readonly overlap: boolean
  /** R6: where no majority of the voters is reached, ordered topics take nothing, and say so. */
  readonly minority: boolean
}

export const allEndpointRules: EndpointRules = {
  duplicates: true,
  parking: true,
  gaps: true,
  turns: true,
  keeping: true,
  rooting: true,
  overlap: true,
  minority: true,
}

/** The rules of an endpoint that was opened with these options: all of them, unless the simulator says otherwise. */
export function rulesOf(options: object): EndpointRules {
  const { rules } = options as { readonly rules?: Partial<EndpointRules> }
  return rules === undefined ? allEndpointRules : { ...allEndpointRules, ...rules }
}
