/** The options of `GovernedOptions` as a table; how many voters, and which commit, is checked where they are read. */
import { action, type Check, flag, having, type OptionTable, wrong } from "../core/option-table.ts"
import { elsewhere } from "../endpoint/option-check.ts"

/** A list of addresses. */
export const addresses: Check = (name, value) => {
  if (!Array.isArray(value) || !value.every(each => typeof each === "string"))
    throw wrong(name, 'a list of addresses, such as ["tcp://10.0.0.1:7700"]', value)
}

export const governedOptions: OptionTable = {
  seeds: addresses,
  coordinator: having("a coordinator, such as EtcdCoordinator.open gives", "read", "compareAndSet", "watch"),
  found: flag,
  voters: elsewhere,
  direct: flag,
  advertise: addresses,
  commit: elsewhere,
  onWaiting: action,
}
