export type { HttpConfig } from "./config.ts";
export { HttpService, type HttpHost, type HttpParts } from "./service.ts";
export type { WebSession } from "./session.ts";
