import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";

/** A file that only grows, and is done with once it is closed. */
export interface RecordingFile {
  /** Takes text; false when the disk is behind and the writer should wait for `whenReady`. */
  write(text: string): boolean;
  whenReady(then: () => void): void;
  /** Why it can't be written any more, or null. */
  readonly failed: string | null;
  /** Called once, when it can't be written any more. */
  onFailure(then: (why: string) => void): void;
  /** Resolves when it is on disk, with its length and SHA-256 (hex); null when it could not be written. */
  close(): Promise<{ readonly bytes: number; readonly digest: string } | null>;
}

export interface RecordingStore {
  /** A new file; one of that name must not be there. */
  open(name: string): RecordingFile;
}

/** Text that may wait for the disk. */
const WAITING_BYTES_MAX = 1024 * 1024;

/** Recordings in a folder, which is made when it is not there. Only the owner can read them. */
export function recordingsIn(folder: string): RecordingStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    open(name) {
      const stream = createWriteStream(join(folder, name), {
        flags: "wx",
        mode: 0o600,
        highWaterMark: WAITING_BYTES_MAX,
        flush: true,
      });
      const hash = createHash("sha256");
      let bytes = 0;
      let failed: string | null = null;
      let told = (_why: string): void => undefined;
      stream.on("error", (fault) => {
        if (failed !== null) return;
        failed = fault.message;
        told(failed);
      });
      return {
        get failed() {
          return failed;
        },
        write(text) {
          const piece = Buffer.from(text);
          hash.update(piece);
          bytes += piece.length;
          return failed !== null || stream.write(piece);
        },
        whenReady(then) {
          if (failed !== null || !stream.writableNeedDrain) then();
          else stream.once("drain", then);
        },
        onFailure(then) {
          if (failed === null) told = then;
          else then(failed);
        },
        close() {
          return new Promise((resolve) => {
            if (failed !== null) return resolve(null);
            stream.once("error", () => resolve(null));
            stream.once("close", () => resolve(failed === null ? { bytes, digest: hash.digest("hex") } : null));
            stream.end();
          });
        },
      };
    },
  };
}
