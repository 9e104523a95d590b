export * from "./schema.ts";
export * from "./connection.ts";
export * from "./sql.ts";
export * from "./ssh.ts";
export * from "./http.ts";
export * from "./kubernetes.ts";
export * from "./scopes.ts";
export * from "./values.ts";
