import { maskedByPolicy, type Masked } from "../../../spec/contract/record/index.ts";

/**
 * What a client asks for in its own words: a command line, a path, an address. It is what the client knew before it asked,
 * so no mask has anything to hide in it.
 */
export const requestText = (text: string): Masked => maskedByPolicy(text);
