export { SpdyConversation, type SpdyRole, type SpdyStep, type SpdyStream } from "./conversation.ts";
export { type SpdyFields } from "./fields.ts";
export { SpdyReader, SpdyWriter, type SpdyFrame, type SpdySetting } from "./frames.ts";
export { SendWindows } from "./windows.ts";
