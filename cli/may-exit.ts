import { setFlagsFromString } from "node:v8";

/**
 * To be called by a program that ends by `process.exit`, when it begins. Node 24 can wait for ever there: it joins a thread that
 * compiles baseline code, and that thread waits for the main one to collect garbage. Compiled on the main thread it costs
 * nothing that is felt.
 */
export function mayExit(): void {
  setFlagsFromString("--no-concurrent-sparkplug");
}
