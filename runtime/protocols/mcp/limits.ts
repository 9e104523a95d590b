/** Bytes of one message that is read whole. */
export const MCP_MESSAGE_BYTES_MAX = 4 * 1024 * 1024;
