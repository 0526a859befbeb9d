export type { Codec } from "./codec.ts"
export { type Extensions, encodeExtensions, readExtensions } from "./extension.ts"
export { decodeHeader, encodeHeader, Flag, type Header, headerBytes, headerVersion, isHeader, Kind } from "./header.ts"
export { decodeTopic, encodePattern, encodeTopic, patternTakesIn, Route, TopicKind, topicBytesMax } from "./topic.ts"
