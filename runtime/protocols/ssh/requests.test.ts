import { describe, expect, it } from "vitest";
import { describeRequest, exactRequest, type FileAction, type SshRequest } from "./requests.ts";

const HERE = { terminal: null, environment: [], folder: null };
const file = (more: Partial<FileAction>): SshRequest => ({
  kind: "sftp",
  file: { operation: "set_attributes", path: "/srv/x", ...more },
});

describe("what a grant is bound to", () => {
  const PLAIN = file({});
  it.each<readonly [title: string, request: SshRequest]>([
    ["another mode", file({ attributes: { mode: 0o4755 } })],
    ["another owner", file({ attributes: { owner: 0, group: 5 } })],
    ["another group", file({ attributes: { owner: 5, group: 0 } })],
    ["another size", file({ attributes: { bytes: 0 } })],
    ["another time of access", file({ attributes: { accessed: 0, modified: 5 } })],
    ["another time of change", file({ attributes: { accessed: 5, modified: 0 } })],
    ["another way to open", file({ operation: "open_write", flags: 2 })],
    ["another way to open that empties", file({ operation: "open_write", flags: 18 })],
    ["another way to open that makes", file({ operation: "open_write", flags: 10 })],
    ["another destination", file({ operation: "rename", destination: "/y" })],
    ["another extension", file({ operation: "rename", destination: "/y", extension: "posix-rename@openssh.com" })],
  ])("not to %s", (_title, request) => {
    const others = [PLAIN, file({ operation: "open_write" }), file({ operation: "rename", destination: "/z" })];
    for (const other of others) expect(exactRequest(request, HERE)).not.toEqual(exactRequest(other, HERE));
    expect(exactRequest(request, HERE)).toEqual(exactRequest(request, HERE));
  });

  it.each([
    ["terminal", { terminal: "xterm" }],
    ["variable", { environment: [["LANG", "C"]] as const }],
    ["folder", { folder: "/srv" }],
  ])("not to another %s", (_title, more) => {
    const shell: SshRequest = { kind: "shell", pty: true };
    expect(exactRequest(shell, { ...HERE, ...more })).not.toEqual(exactRequest(shell, HERE));
  });
});

describe("what an approver reads", () => {
  it.each<readonly [action: Partial<FileAction>, text: string]>([
    [{}, "set_attributes /srv/x"],
    [{ path: null }, "set_attributes ?"],
    [{ operation: "open_read", flags: 1, attributes: {} }, "open_read /srv/x"],
    [
      { operation: "open_write", flags: 26, attributes: { mode: 0o100600 } },
      "open_write /srv/x (emptied first, mode 0600)",
    ],
    [
      { attributes: { mode: 0o4755, owner: 0, group: 1, bytes: 7, accessed: 0, modified: 60 } },
      "set_attributes /srv/x (mode 4755, owner 0:1, size 7, modified 1970-01-01T00:01:00.000Z)",
    ],
    [{ operation: "rename", destination: "/y" }, "rename /srv/x → /y"],
  ])("%j", (action, text) => expect(describeRequest(file(action))).toBe(text));
});
