/** How often things happened to one voter, for statistics. */
export class Counter {
  staleFrames = 0
  foreignFrames = 0
  /** Of whom the record does not name. */
  strangersFrames = 0
  /** With numbers that no voter says. */
  implausibleFrames = 0
  refusedAppends = 0
  candidacies = 0
  reigns = 0
  snapshotsSent = 0
  fetches = 0
}
