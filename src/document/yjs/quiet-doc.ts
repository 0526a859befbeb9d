/**
 * A Y.Doc that spends nothing on events nobody listens to. Yjs emits six per transaction and makes a list, and often a map,
 * for each; without listeners that is a good part of an edit's cost.
 */
import * as Y from "yjs"

export class QuietDoc extends Y.Doc {
  override emit(name: Parameters<Y.Doc["emit"]>[0], parameters: never): void {
    const listeners = this._observers.get(name)
    if (listeners === undefined) return
    const heard: (...values: unknown[]) => void = listeners.size === 1 ? listeners.values().next().value : undefined
    if (heard !== undefined) heard(...(parameters as unknown[]))
    else super.emit(name, parameters)
  }
}
