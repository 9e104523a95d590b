import type { Manifest } from "../../spec/contract/bundle/index.ts";
import { OP } from "../../spec/contract/bytecode/index.ts";

const readBy = new WeakMap<Manifest, readonly (readonly number[])[]>();

/** Facts that each program reads, itself or through the programs that it runs; places in `Manifest.facts`. */
export function factsReadBy(manifest: Manifest): readonly (readonly number[])[] {
  const known = readBy.get(manifest);
  if (known !== undefined) return known;
  const { programs } = manifest;
  const found: (readonly number[])[] = new Array<readonly number[]>(programs.length);
  // Programs that are run from others have the higher numbers.
  for (let i = programs.length - 1; i >= 0; i--) {
    const { code } = programs[i]!;
    const read: number[] = [];
    const add = (fact: number): void => {
      if (!read.includes(fact)) read.push(fact);
    };
    for (let at = 0; at < code.length; at += 2) {
      if (code[at] === OP.fact) add(code[at + 1]!);
      else if (code[at] === OP.any || code[at] === OP.all) found[code[at + 1]!]!.forEach(add);
    }
    found[i] = read;
  }
  readBy.set(manifest, found);
  return found;
}
