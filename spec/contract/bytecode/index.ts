export * from "./address.ts";
export * from "./limits.ts";
export * from "./opcodes.ts";
export * from "./verify.ts";
export * from "./disassemble.ts";
