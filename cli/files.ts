import { createPrivateKey } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { UsageError } from "./io.ts";

/** What the system says of a file, in its own short words. */
const why = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));

/** @param what it is, as its reader thinks of it: "the certificate" */
export function bytesOf(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (fault) {
    throw new UsageError(`${what} ${path} can't be read: ${why(fault)}`);
  }
}

/** A certificate and its key, which must be one another's. */
export function certificateAndKey(
  certificatePath: string,
  keyPath: string,
): { readonly certificate: Buffer; readonly key: Buffer } {
  const certificate = bytesOf(certificatePath, "the certificate");
  const key = bytesOf(keyPath, "the key");
  try {
    createSecureContext({ cert: certificate, key });
  } catch (fault) {
    throw new UsageError(`the certificate ${certificatePath} and the key ${keyPath} can't be used: ${why(fault)}`);
  }
  return { certificate, key };
}

/** Whether a file's content is a private key, which is kept from where public ones are asked for. */
export function isPrivateKey(bytes: Buffer): boolean {
  try {
    createPrivateKey(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Makes a folder that only its owner comes to, unless it is there. */
export function ownFolder(path: string, what: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (fault) {
    throw new UsageError(`${what} ${path} can't be made: ${why(fault)}`);
  }
}

/** Of a fault that the system reports of a file: it is the machine's state and no bug of the program. */
export const isFileFault = (fault: unknown): fault is Error =>
  fault instanceof Error &&
  typeof (fault as NodeJS.ErrnoException).syscall === "string" &&
  typeof (fault as NodeJS.ErrnoException).path === "string";
