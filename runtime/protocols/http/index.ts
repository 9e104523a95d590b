export type {
  AnswerPlan,
  BodyTransform,
  Inspection,
  OwnFacts,
  Permits,
  ReadBody,
  StreamAsk,
  WebAdapter,
} from "./adapter.ts";
export { WholeBody, bodyKind, chained, jsonTransform, planAnswer, type BodyKind } from "./answer.ts";
export { BODY_END, CHUNK_END, ChunkedReader, chunkHead, chunkOf } from "./chunked.ts";
export { folded, forwardedAnswer, isClaim, readMediaType, sortRequestFields, takeCookie } from "./fields.ts";
export { requestFraming, responseFraming, type Framing } from "./framing.ts";
export {
  fieldOf,
  headEnd,
  httpFault,
  readRequestHead,
  readResponseHead,
  writeRequestHead,
  writeResponseHead,
  type Field,
  type HttpFault,
  type RequestHead,
  type ResponseHead,
} from "./head.ts";
export {
  HttpAdapter,
  httpFacts,
  introspectionBody,
  readSchema,
  requestText,
  type GraphqlSettings,
} from "./http-adapter.ts";
export { REASONS, problemBody, type ProblemAnswer } from "./problem.ts";
export { normaliseRequest, type NormalRequest } from "./request.ts";
export { Pings, type WebSocketSide } from "./pings.ts";
export { readAuthority, readOrigin, readTarget, type Authority, type Target } from "./target.ts";
export {
  OPCODE,
  WebSocketReader,
  acceptOf,
  closeData,
  closeFrame,
  isWebSocketKey,
  readClose,
  webSocketFrame,
  type WebSocketMessage,
} from "./websocket.ts";
export * from "./limits.ts";
