import { expect, it } from "vitest";
import type { Socket } from "../outside/net.ts";
import { addressOf } from "./gateway.ts";

it.each<readonly [reported: string | undefined, address: string]>([
  ["10.0.0.1", "10.0.0.1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["fe80::1%eth0", "fe80::1"],
  ["fe80::1", "fe80::1"],
  ["::1", "::1"],
  [undefined, ""],
])("a client that the system reports from %s is from %s", (remoteAddress, address) => {
  expect(addressOf({ remoteAddress } as Socket)).toBe(address);
});
