export {
  checkStorageKey,
  compareStorageKeys,
  type Storage,
  type StorageCallOptions,
  type StorageChange,
  type StorageKey,
  type StorageSupport,
} from "./storage.ts"
