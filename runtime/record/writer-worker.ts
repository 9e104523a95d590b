import { parentPort, workerData } from "node:worker_threads";
import { FileLogStore, systemClock } from "../outside/index.ts";
import { openLog } from "./open.ts";
import type { FromWriter, ToWriter, WriterSetup } from "./writer-messages.ts";

/** Runs inside the writer's thread: hashing, the disk and the tree cost the sessions nothing there. */
if (parentPort !== null) {
  const port = parentPort;
  const say = (message: FromWriter): void => port.postMessage(message);
  const { folder, origin, key } = workerData as WriterSetup;
  const why = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));
  const opened = await openLog(new FileLogStore(folder), {
    clock: systemClock,
    origin,
    key,
    onFault: (text) => say({ kind: "fault", why: text }),
  });
  if (!opened.ok) say({ kind: "refused", why: opened.error });
  else {
    const { writer, size, segmentBytes, first } = opened.value;
    port.on("message", (message: ToWriter) => {
      switch (message.kind) {
        case "write":
          writer.write({ arena: Buffer.from(message.arena), used: message.used, newSegment: message.newSegment }).then(
            ({ full }) => say({ kind: "written", full }),
            (fault: unknown) => say({ kind: "failed", why: why(fault) }),
          );
          break;
        case "publish":
          void writer.publish().then(() => say({ kind: "published" }));
          break;
        case "close":
          writer
            .close()
            .catch((fault: unknown) => say({ kind: "fault", why: why(fault) }))
            .finally(() => say({ kind: "closed" }));
          break;
      }
    });
    say({ kind: "opened", size, segmentBytes, first });
  }
}
