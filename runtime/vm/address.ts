import { parseAddress, type Range } from "../../spec/contract/bytecode/index.ts";
import { UNKNOWN, type Truth } from "../../spec/contract/facts/index.ts";

/** Whether an address lies in a range; unknown when it can't be read, for then it may be any. */
export function inRange(range: Range, text: string): Truth {
  const address = parseAddress(text);
  if (address === null) return UNKNOWN;
  return address.length === range.length && address.bits >> range.shift === range.network;
}
