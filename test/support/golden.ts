import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { expect } from "vitest";

/** Holds a text against the file that was kept of it; UPDATE_GOLDENS=1 writes the file anew instead. */
export function expectGolden(file: string, actual: string): void {
  if (process.env["UPDATE_GOLDENS"] === "1") {
    mkdirSync(dirname(file), { recursive: true });
    if (!existsSync(file) || readFileSync(file, "utf8") !== actual) writeFileSync(file, actual);
  }
  expect(existsSync(file), `${file} is missing; UPDATE_GOLDENS=1 writes it`).toBe(true);
  expect(actual).toBe(readFileSync(file, "utf8"));
}
