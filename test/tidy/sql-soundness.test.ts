import { existsSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PAGE = readFileSync(`${ROOT}docs/sql-soundness.md`, "utf8");
const cellsOf = (line: string): readonly string[] =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
const rows = PAGE.split("\n")
  .filter((line) => /^\| \d/.test(line))
  .map(cellsOf);

it("has a row for every numbered way around", () => {
  const numbers = rows.flatMap(([numbers]) => {
    const [from, to] = numbers!.replace(/a$/, "").split("-").map(Number);
    return Array.from({ length: (to ?? from!) - from! + 1 }, (_, i) => from! + i);
  });
  expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual(Array.from({ length: 112 }, (_, i) => i + 1));
});

it("names an answer and a test that is there in every row", () => {
  for (const [number, way, answer, test] of rows) {
    expect(way!.length, number).toBeGreaterThan(2);
    expect(answer!.length, number).toBeGreaterThan(2);
    expect(test, number).toMatch(/^`[^`]+`$/);
  }
  const named = [...PAGE.matchAll(/`((?:test|runtime)\/[\w./-]+\.ts)`/g)].map(([, file]) => file!);
  expect(named.length).toBeGreaterThan(rows.length);
  for (const file of named) expect(existsSync(`${ROOT}${file}`), file).toBe(true);
});

it("has adapters only for the protocols that the page knows", () => {
  const adapters = readdirSync(`${ROOT}runtime/protocols`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  expect(adapters.filter((name) => ["mysql", "mariadb"].includes(name))).toEqual([]);
});
