import {
  constants,
  createBrotliCompress,
  createBrotliDecompress,
  createGunzip,
  createGzip,
  createZstdCompress,
  createZstdDecompress,
} from "node:zlib";
import type { Transform } from "node:stream";
import { DECODED_FREE_BYTES, DECODED_RATIO_MAX } from "./limits.ts";

/** Content codings that are undone and done again for masks. */
export const CODINGS = ["gzip", "br", "zstd"] as const;
export type Coding = (typeof CODINGS)[number];

/** The coding that a `Content-Encoding` names; "identity" for none, null for one that is not known. */
export function codingOf(value: string | undefined): Coding | "identity" | null {
  const name = (value ?? "identity").trim().toLowerCase();
  if (name === "identity" || name === "") return "identity";
  if (name === "x-gzip") return "gzip";
  return CODINGS.find((one) => one === name) ?? null;
}

/** What is left of a client's `Accept-Encoding`: codings that can be undone here. */
export function readableCodings(accept: string | undefined): string {
  const kept = (accept ?? "")
    .split(",")
    .map((one) => one.trim().toLowerCase())
    .filter((one) => CODINGS.some((name) => one === name || one.startsWith(`${name};`)));
  return kept.length === 0 ? "identity" : kept.join(", ");
}

const decoder = (coding: Coding): Transform => {
  switch (coding) {
    case "gzip":
      return createGunzip();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress();
  }
};
const encoder = (coding: Coding): Transform => {
  switch (coding) {
    case "gzip":
      return createGzip({ level: 4 });
    case "br":
      return createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });
    case "zstd":
      return createZstdCompress();
  }
};

/** Where the bytes of one step go: data, then end; or a fault. */
export interface Flow {
  data(bytes: Buffer): void;
  end(): void;
  failed(why: string): void;
}

/** A step that takes bytes in its own time. */
export interface Step {
  /** False: wait until `drained` is called. */
  write(bytes: Buffer): boolean;
  end(): void;
  destroy(): void;
}

function through(stream: Transform, flow: Flow, drained: () => void, counted: (bytes: number) => string | null): Step {
  stream.on("data", (bytes: Buffer) => {
    const fault = counted(bytes.length);
    if (fault === null) flow.data(bytes);
    else {
      stream.destroy();
      flow.failed(fault);
    }
  });
  stream.on("end", () => flow.end());
  stream.on("error", (fault: Error) => flow.failed(`the body is not coded properly: ${fault.message}`));
  stream.on("drain", drained);
  return {
    write: (bytes) => stream.write(bytes),
    end: () => void stream.end(),
    destroy: () => void stream.destroy(),
  };
}

/** Undoes a coding. A body that grows beyond reason is a fault. */
export function decoding(coding: Coding, flow: Flow, drained: () => void): Step {
  let [taken, made] = [0, 0];
  const step = through(decoder(coding), flow, drained, (bytes) => {
    made += bytes;
    return made > DECODED_FREE_BYTES && made > taken * DECODED_RATIO_MAX
      ? `the body grows more than ${DECODED_RATIO_MAX} times when it is decoded`
      : null;
  });
  return {
    ...step,
    write(bytes) {
      taken += bytes.length;
      return step.write(bytes);
    },
  };
}

/** Does a coding again. Bytes come out as they are made, so that a slow answer is not held back. */
export function encoding(coding: Coding, flow: Flow, drained: () => void): Step {
  const stream = encoder(coding);
  const step = through(stream, flow, drained, () => null);
  const flusher = stream as Transform & { flush?: (callback?: () => void) => void };
  return {
    ...step,
    write(bytes) {
      const more = step.write(bytes);
      flusher.flush?.();
      return more;
    },
  };
}
