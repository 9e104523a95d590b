export { McpAdapter } from "./mcp-adapter.ts";
export { MCP_MESSAGE_BYTES_MAX } from "./limits.ts";
