export { PostgresMachine } from "./machine.ts";
export { ServerSide } from "./server-side.ts";
export { login, signIn, type LoginFailure, type ServerSession, type SignIn, type SignInFailure } from "./handshake.ts";
export {
  STARTUP_BYTES_MIN,
  cancelRequest,
  readFirstPacket,
  sslRequest,
  startupLength,
  type FirstPacket,
  type StartupRequest,
} from "./startup.ts";
export {
  authenticationOk,
  backendKeyData,
  errorResponse,
  negotiateVersion,
  parameterStatus,
  readyForQuery,
  query,
  singly,
  message,
  IDLE,
  CLIENT,
  SERVER,
  type Report,
} from "./messages.ts";
export { refusalReport } from "./refuse.ts";
export { BodyReader } from "./fields.ts";
