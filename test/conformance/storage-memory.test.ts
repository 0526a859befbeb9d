import { describe, it } from "vitest"
import { MemoryStorage } from "../../src/storage/memory/memory-storage.ts"
import { storageSuite } from "../../src/testing/suites/storage-suite.ts"

storageSuite({ runner: { describe, it }, name: "memory", open: async () => new MemoryStorage() })
