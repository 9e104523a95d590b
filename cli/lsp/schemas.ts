import { readdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { stepsOfRule } from "../../compiler/index.ts";
import { hasErrors } from "../../lang/index.ts";
import type { Surroundings } from "../../lang/editor/index.ts";
import { catalogFromSchema, loadParser } from "../../runtime/facts/sql/offline.ts";
import { readText } from "./disk.ts";
import { SCHEMA_BYTES_MAX } from "./limits.ts";
import type { Project } from "./projects.ts";

type Columns = Surroundings["columns"];

/** What the files beside the policies say: columns of schema files, and which schema files there are. */
export class Schemas {
  #ready = false;
  readonly #known = new Map<string, { readonly stamp: string; readonly columns: Columns }>();

  /** Loads the SQL parser. Before that no columns are known. */
  async load(): Promise<void> {
    await loadParser();
    this.#ready = true;
  }

  surroundings(project: Project, path: string): Surroundings {
    const folder = dirname(resolve(project.root, path));
    const named = new Set<string>();
    for (const test of project.workspace.result.policy.tests)
      if (test.schema !== null) named.add(resolve(dirname(resolve(project.root, test.file)), test.schema));
    const { policy, diagnostics } = project.workspace.result;
    return {
      columns: [...named].sort().flatMap((schema) => this.#columnsOf(schema)),
      schemaFiles: schemasBeside(folder),
      stepsOf: (rule) => (hasErrors(diagnostics) ? null : stepsOfRule(policy, rule)),
    };
  }

  #columnsOf(path: string): Columns {
    if (!this.#ready) return [];
    let stamp: string;
    try {
      const { mtimeMs, size } = statSync(path);
      stamp = `${mtimeMs} ${size}`;
    } catch {
      return [];
    }
    const known = this.#known.get(path);
    if (known?.stamp === stamp) return known.columns;
    const catalog = catalogFromSchema(readText(path, SCHEMA_BYTES_MAX) ?? "");
    const columns =
      "kind" in catalog
        ? []
        : catalog.relations
            .filter((relation) => relation.schema !== "pg_catalog")
            .flatMap(({ schema, name, columns: all }) =>
              all.map((column) => ({ schema, table: name, column: column.name })),
            );
    this.#known.set(path, { stamp, columns });
    return columns;
  }
}

function schemasBeside(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".sql"))
      .sort();
  } catch {
    return [];
  }
}
