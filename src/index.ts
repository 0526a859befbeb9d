export { ErrorCode, ZincError } from "./core/errors.ts"
