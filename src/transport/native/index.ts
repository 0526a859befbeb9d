export { NativeTransport, type NativeTransportOptions } from "./native-transport.ts"
