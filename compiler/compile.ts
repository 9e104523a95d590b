import type { KeyObject } from "node:crypto";
import { digestOf, encodeManifest, sealBundle, type Manifest, type TestVector } from "../spec/contract/bundle/index.ts";
import {
  checkFiles,
  hasErrors,
  sortDiagnostics,
  type CheckedPolicy,
  type Diagnostic,
  type SourceFile,
} from "../lang/index.ts";
import { assembleManifest } from "./bundle/index.ts";
import { vectorsOf } from "./bundle/index.ts";

export interface CompileOptions {
  readonly sequence: number;
}

export interface Compiled {
  readonly policy: CheckedPolicy;
  readonly diagnostics: readonly Diagnostic[];
  /** Null when the files have errors. */
  readonly manifest: Manifest | null;
}

/** Files of one package in, manifest and diagnostics out. The same files and options give the same manifest. */
export function compile(files: readonly SourceFile[], options: CompileOptions): Compiled {
  const ordered = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const { policy, diagnostics } = checkFiles(ordered);
  if (hasErrors(diagnostics)) return { policy, diagnostics, manifest: null };
  const vectors: readonly TestVector[] = vectorsOf(policy);
  const made = assembleManifest(policy, ordered, { ...options, vectors });
  if (!made.ok) return { policy, diagnostics: sortDiagnostics([...diagnostics, ...made.error]), manifest: null };
  return { policy, diagnostics, manifest: made.value };
}

/** The signed bundle of a manifest, with its digest. */
export function seal(manifest: Manifest, privateKey: KeyObject): { readonly bytes: Buffer; readonly digest: string } {
  const payload = encodeManifest(manifest);
  return { bytes: sealBundle(payload, privateKey), digest: digestOf(payload) };
}
