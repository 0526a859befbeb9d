/** The record that voters keep themselves, under the same tests as the stores that may keep it instead. */
import { describe, it } from "vitest"
import { coordinatorSuite } from "../../src/testing/suites/coordinator-suite.ts"
import { EmbeddedCoordinator, EmbeddedStore } from "../service/embedded-register.ts"

const store = new EmbeddedStore()

coordinatorSuite({
  runner: { describe, it },
  name: "embedded",
  open: async tree => new EmbeddedCoordinator(tree, store),
  put: (tree, bytes) => store.put(tree, bytes),
})
