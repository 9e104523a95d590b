export { controlListener, type ControlHost, type Health } from "./server.ts";
export type { ApprovalView } from "./approvals.ts";
export * from "./limits.ts";
