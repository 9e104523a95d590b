import type { Manifest } from "../../../spec/contract/bundle/index.ts";
import { Scanner } from "./scanner.ts";

const made = new WeakMap<Manifest, Scanner | null>();

/**
 * The scanner of all that a bundle's rules look for; null when they look for nothing. One for all sessions: each picks out what
 * its own rules ask for. Made once, when the bundle is taken in: that takes some milliseconds.
 */
export function scannerOf(manifest: Manifest): Scanner | null {
  const known = made.get(manifest);
  if (known !== undefined) return known;
  const names = [...new Set(manifest.rules.flatMap((rule) => rule.mask?.detect ?? []))].sort();
  const scanner = names.length === 0 ? null : new Scanner(names, manifest);
  made.set(manifest, scanner);
  return scanner;
}
