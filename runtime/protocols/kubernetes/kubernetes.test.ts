import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ABSENT, UNKNOWN, factsOf, type FactValue } from "../../../spec/contract/facts/index.ts";
import { maskRule, masksOf } from "../../../test/support/body-masks.ts";
import type { BodyMasks } from "../../enforce/mask/index.ts";
import {
  normaliseRequest,
  readRequestHead,
  type Inspection,
  type NormalRequest,
  type ReadBody,
} from "../http/index.ts";
import { acceptJson } from "./accept.ts";
import { withoutValues } from "./answer.ts";
import { exitOf, readResize } from "./channels.ts";
import { KubernetesAdapter } from "./kubernetes-adapter.ts";
import { statusAnswer, warning } from "./status.ts";

const adapter = new KubernetesAdapter({ proxies: false });

function request(line: string, fields: readonly string[] = []): NormalRequest | string {
  const bytes = Buffer.from(`${line} HTTP/1.1\r\nHost: k8s\r\n${fields.map((one) => `${one}\r\n`).join("")}\r\n`);
  const head = readRequestHead(bytes, 0, bytes.length);
  if (!head.ok) return head.error.why;
  const normal = normaliseRequest(head.value);
  return normal.ok ? normal.value : normal.error.why;
}

const WS = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Protocol: v5.channel.k8s.io"];
const SPDY = ["Connection: Upgrade", "Upgrade: SPDY/3.1", "Content-Length: 0"];
const NONE: ReadBody = { kind: "none" };

function inspect(line: string, fields: readonly string[] = [], body: ReadBody = NONE): Inspection | string {
  const one = request(line, fields);
  if (typeof one === "string") return one;
  const made = adapter.inspect(one, body, () => true);
  return made.ok ? made.value : made.error.why;
}

function facts(line: string, fields: readonly string[] = [], body: ReadBody = NONE): Record<string, FactValue> {
  const made = inspect(line, fields, body);
  if (typeof made === "string") throw new Error(made);
  const out: Record<string, FactValue> = {};
  for (const { path } of factsOf("kubernetes")) {
    const value = made.actions[0]!(path);
    if (value !== undefined) out[path] = value;
  }
  return out;
}
const json = (value: unknown): ReadBody => ({ kind: "read", bytes: Buffer.from(JSON.stringify(value)) });
const typed = (type: string): readonly string[] => [`Content-Type: ${type}`, "Content-Length: 1"];

describe("facts of requests", () => {
  it.each<readonly [line: string, verb: string, group: string, resource: string, ns: string, name: string]>([
    ["GET /api/v1/namespaces/shop/pods", "list", "", "pods", "shop", ""],
    ["GET /api/v1/pods?limit=500", "list", "", "pods", "", ""],
    ["GET /api/v1/namespaces/shop/pods/web-0", "get", "", "pods", "shop", "web-0"],
    ["HEAD /api/v1/namespaces/shop/pods/web-0", "get", "", "pods", "shop", "web-0"],
    ["GET /api/v1/namespaces/shop/pods?watch=true", "watch", "", "pods", "shop", ""],
    ["GET /api/v1/namespaces/shop/pods?watch=1", "watch", "", "pods", "shop", ""],
    ["GET /api/v1/namespaces/shop/pods?watch=", "watch", "", "pods", "shop", ""],
    ["GET /api/v1/namespaces/shop/pods?watch=false", "list", "", "pods", "shop", ""],
    ["GET /api/v1/watch/namespaces/shop/secrets", "watch", "", "secrets", "shop", ""],
    ["GET /api/v1/namespaces/shop/pods/web-0/log?follow=true", "get", "", "pods/log", "shop", "web-0"],
    ["GET /apis/apps/v1/namespaces/shop/deployments/web/scale", "get", "apps", "deployments/scale", "shop", "web"],
    ["GET /api/v1/namespaces/shop", "get", "", "namespaces", "shop", "shop"],
    ["GET /api/v1/namespaces", "list", "", "namespaces", "", ""],
    ["GET /api/v1/nodes/n1", "get", "", "nodes", "", "n1"],
    ["DELETE /api/v1/namespaces/shop/pods/web-0", "delete", "", "pods", "shop", "web-0"],
    ["DELETE /api/v1/namespaces/shop/pods", "deletecollection", "", "pods", "shop", ""],
    ["GET /api/v1/namespaces/shop/secrets?fieldSelector=metadata.name%3Ddb", "list", "", "secrets", "shop", "db"],
    [
      "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
      "get",
      "rbac.authorization.k8s.io",
      "clusterroles",
      "",
      "system:node",
    ],
    ["GET /version", "get", "", "", "", ""],
    ["GET /apis/apps/v1", "get", "", "", "", ""],
    ["GET /openapi/v3/apis/apps/v1", "get", "", "", "", ""],
  ])("%s", (line, verb, group, resource, ns, name) => {
    expect(facts(line)).toMatchObject({
      "request.verb": verb,
      "request.group": group,
      "request.resource": resource,
      "request.namespace": ns,
      "request.name": name,
    });
  });

  it("exec is create on pods/exec, as GET over WebSocket and as POST over SPDY", () => {
    const path =
      "/api/v1/namespaces/shop/pods/web-0/exec?command=sh&command=-c&command=cat+/etc/passwd&container=main&stdin=true&stdout=true&tty=true";
    for (const made of [facts(`GET ${path}`, WS), facts(`POST ${path}`, SPDY)])
      expect(made).toMatchObject({
        "request.verb": "create",
        "request.resource": "pods/exec",
        "request.subresource": "exec",
        "container.name": "main",
        "container.command": ["sh", "-c", "cat /etc/passwd"],
        "container.programs": new Set(["sh", "cat"]),
        "container.tty": true,
        "container.stdin": true,
      });
  });

  it("a program that is not settled before it runs is unknown", () => {
    const made = facts("GET /api/v1/namespaces/a/pods/b/exec?command=sh&command=-c&command=%24X", WS);
    expect(made["container.programs"]).toBe(UNKNOWN);
  });

  it("objects of a body: images, privileges, host paths, also in templates", () => {
    const pod = {
      containers: [{ image: "a:1", securityContext: { privileged: true } }],
      initContainers: [{ image: "b:2" }],
      volumes: [{ hostPath: { path: "/etc" } }],
      serviceAccountName: "robot",
    };
    const body = {
      kind: "CronJob",
      metadata: { labels: { a: "1" }, annotations: { why: "x" } },
      spec: { jobTemplate: { spec: { template: { spec: pod } } } },
    };
    expect(facts("POST /apis/batch/v1/namespaces/a/cronjobs", typed("application/json"), json(body))).toMatchObject({
      "object.kind": "CronJob",
      "object.labels": new Map([["a", "1"]]),
      "object.images": new Set(["a:1", "b:2"]),
      "object.privileged": true,
      "object.host_paths": new Set(["/etc"]),
      "object.service_account": "robot",
    });
    expect(facts("GET /api/v1/namespaces/a/pods")["object.kind"]).toBe(ABSENT);
  });

  it("a JSON patch: what its steps put in", () => {
    const patch = (steps: unknown): Record<string, FactValue> =>
      facts("PATCH /apis/apps/v1/namespaces/a/deployments/b", typed("application/json-patch+json"), json(steps));
    const at = "/spec/template/spec/containers/0";
    expect(patch([{ op: "replace", path: `${at}/image`, value: "c:3" }])).toMatchObject({
      "object.images": new Set(["c:3"]),
      "object.privileged": false,
    });
    const add = { op: "add", path: `${at}/securityContext`, value: { privileged: true } };
    expect(patch([add])["object.privileged"]).toBe(true);
    expect(patch([{ op: "copy", from: "/a", path: `${at}/image` }])["object.images"]).toBe(UNKNOWN);
  });

  it("a dry run: of a deletion with options in its body the query does not count", () => {
    const path = "DELETE /api/v1/namespaces/a/pods/b?dryRun=All";
    expect(facts(path)["request.dry_run"]).toBe(true);
    expect(facts(path, typed("application/json"), json({ kind: "DeleteOptions" }))["request.dry_run"]).toBe(false);
    expect(facts(path, typed("application/json"), json({ dryRun: ["All"] }))["request.dry_run"]).toBe(true);
  });

  it("selectors and patch types", () => {
    expect(facts("GET /api/v1/pods?labelSelector=app%3Dweb&fieldSelector=spec.nodeName%3Dn1")).toMatchObject({
      "request.label_selector": "app=web",
      "request.field_selector": "spec.nodeName=n1",
      "request.name": "",
    });
    const type = "application/strategic-merge-patch+json";
    expect(facts("PATCH /api/v1/namespaces/a/pods/b", typed(type), json({}))["request.patch_type"]).toBe(type);
  });
});

describe("what could be read in two ways is refused", () => {
  it.each<readonly [line: string, fields: readonly string[], why: RegExp]>([
    ["GET /api/v1/namespaces/a%2Fb/pods", [], /encoded slash/],
    ["GET /api/v1/namespaces/a/../b/pods", [], /dot segment/],
    ["GET /api/v1//pods", [], /empty segment/],
    ["GET /api/v1/pods;x/a", [], /semicolon/],
    ["GET /api/V1/pods", [], /version/],
    ["GET /api/v1/Secrets", [], /lower case/],
    ["GET /api/v1/pods/", [], /without a slash/],
    ["GET /api/v1/proxy/namespaces/a/pods/b", [], /old proxy paths/],
    ["GET /logs/x", [], /no.*Kubernetes|none that a Kubernetes/],
    ["GET /debug/pprof/heap", [], /none that a Kubernetes/],
    ["GET /api/v1/namespaces/a/pods/b/log/x", [], /more in the path/],
    ["GET /api/v1/pods?watch=0&watch=1", [], /given twice/],
    ["GET /api/v1/pods?fieldSelector=a%3Db&fieldSelector=c%3Dd", [], /given twice/],
    ["GET /api/v1/namespaces/a/pods/b/exec?command=id", [], /needs an upgrade/],
    ["GET /api/v1/namespaces/a/pods?watch=1", WS, /only exec, attach/],
    ["GET /apis/x.example/v1/namespaces/a/pods/b/exec?command=id", WS, /pods only/],
    ["GET /api/v1/namespaces/a/pods/b/exec", WS, /names no command/],
    ["POST /api/v1/namespaces/a/pods/b/exec?command=id", [...SPDY, "X-HTTP-Method-Override: GET"], /change the method/],
    ["PROPFIND /api/v1/pods", [], /no verb/],
    ["POST /version", typed("application/json"), /no resource/],
    ["PATCH /api/v1/namespaces/a/pods/b", typed("text/plain"), /patch of type/],
    ["DELETE /api/v1/namespaces/a/pods/b?dryRun=Some", [], /dryRun/],
    ["GET /api/v1/pods", ["Accept: application/vnd.kubernetes.protobuf"], /application\/json only/],
    ["GET /api/v1/pods", ["Impersonate-User: root", "Impersonate-User: root"], /given twice/],
  ])("%s", (line, fields, why) => {
    expect(inspect(line, fields)).toMatch(why);
  });

  it("a body with a key twice, or of a type that can't be read, when a rule asks for it", () => {
    const path = "POST /api/v1/namespaces/a/pods";
    const twice: ReadBody = { kind: "read", bytes: Buffer.from('{"kind":"Pod","kind":"Secret"}') };
    expect(inspect(path, typed("application/json"), twice)).toMatch(/there twice/);
    expect(inspect(path, typed("application/vnd.kubernetes.protobuf"), json({}))).toMatch(/can't be read/);
    expect(inspect(path, typed("application/json"), { kind: "too-large" })).toMatch(/longer than/);
  });

  it.each(["pods/p", "services/s", "services/https:s:443"])("the proxy of %s", (name) => {
    const made = inspect(`GET /api/v1/namespaces/a/${name}/proxy/any/path`);
    expect(typeof made === "string" ? made : made.refusal).toMatch(/not open here/);
  });
  it("the proxy of a node, and `get` is no way around it", () => {
    const made = inspect("GET /api/v1/nodes/n/proxy/exec");
    expect(typeof made === "string" ? made : made.refusal).toMatch(/nodes\/proxy is not open/);
  });

  it("fuzz: whatever a line holds, it is read or refused, and never throws", () => {
    const parts = fc.constantFrom(
      "api",
      "apis",
      "v1",
      "namespaces",
      "pods",
      "exec",
      "a",
      "proxy",
      "watch",
      "",
      "..",
      "%2e",
      "A",
      "secrets",
      "metadata",
      "?watch=1",
      "&command=",
      "é",
    );
    fc.assert(
      fc.property(
        fc.array(parts, { maxLength: 9 }),
        fc.constantFrom("GET", "POST", "PATCH", "DELETE"),
        (all, method) => {
          const made = inspect(`${method} /${all.join("/")}`, []);
          if (typeof made !== "string") for (const { path } of factsOf("kubernetes")) made.actions[0]!(path);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("fuzz: any body is read or refused", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        const body: ReadBody = { kind: "read", bytes: Buffer.from(text) };
        inspect("POST /api/v1/namespaces/a/pods", typed("application/json"), body);
        inspect("PATCH /api/v1/namespaces/a/pods/b", typed("application/json-patch+json"), body);
      }),
      { numRuns: 500 },
    );
  });
});

const hiding = (...fields: string[]): BodyMasks => masksOf([adapter.maskRule(maskRule("kubernetes", fields))]);

/** An answer as the client sees it, cut in pieces of `size` bytes; in words why it is not shown. */
function shown(
  line: string,
  accept: string,
  body: string,
  masks: BodyMasks,
  { size = 7, type = "application/json", status = 200 } = {},
): string {
  const made = inspect(line, [`Accept: ${accept}`]);
  if (typeof made === "string") return made;
  const head = { status, reason: "", minor: 1 as const, fields: [["content-type", type]] as const };
  const plan = made.answer(head as never, masks, () => false);
  if (plan.kind === "pass") return body;
  if (plan.kind === "unreadable") return plan.why;
  const bytes = Buffer.from(body);
  let out = "";
  for (let at = 0; at < bytes.length; at += size) out += plan.transform.push(bytes.subarray(at, at + size)).toString();
  out += plan.transform.end().toString();
  return plan.transform.fault ?? out;
}

const LAST = "kubectl.kubernetes.io/last-applied-configuration";
const SECRET = {
  kind: "Secret",
  metadata: { name: "db", annotations: { [LAST]: '{"data":{"p":"aHVudGVyMg=="}}', note: "fine" } },
  data: { p: "aHVudGVyMg==" },
  type: "Opaque",
};
const MASKED = Buffer.from("***").toString("base64");
const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

describe("masks in every form of an answer", () => {
  const masks = hiding("$.data.*");
  const one = (text: string): void => {
    expect(text).not.toContain("aHVudGVyMg");
    expect(text).toContain('"note":"fine"');
  };
  it("an object: values in base64 again, and nothing in what was last applied", () => {
    const text = shown("GET /api/v1/namespaces/a/secrets/db", "application/json", JSON.stringify(SECRET), masks);
    one(text);
    const made = JSON.parse(text) as typeof SECRET;
    expect(made.data.p).toBe(MASKED);
    expect(made.metadata.annotations[LAST]).toBe("***");
    expect(made.type).toBe("Opaque");
  });
  it("a list", () => {
    const list = JSON.stringify({ kind: "SecretList", items: [SECRET, SECRET] });
    one(shown("GET /api/v1/secrets", "application/json", list, masks));
  });
  it("a watch, event by event", () => {
    const events = `${JSON.stringify({ type: "ADDED", object: SECRET })}\n${JSON.stringify({ type: "DELETED", object: SECRET })}\n`;
    const text = shown("GET /api/v1/secrets?watch=1", "application/json", events, masks);
    one(text);
    expect(text.trim().split("\n")).toHaveLength(2);
  });
  it("what apply and patch answer", () => {
    const made = shown("GET /api/v1/namespaces/a/secrets/db", "application/json", JSON.stringify(SECRET), masks, {
      status: 201,
    });
    one(made);
  });
  const table = (object: unknown, cells: unknown[]): unknown => ({ kind: "Table", rows: [{ cells, object }] });
  it("a table: counts stay, whole objects in its rows are masked", () => {
    const text = shown("GET /api/v1/secrets", TABLE, JSON.stringify(table(SECRET, ["db", "Opaque", 1])), masks);
    one(text);
    expect((JSON.parse(text) as { rows: { cells: unknown[] }[] }).rows[0]!.cells).toEqual(["db", "Opaque", 1]);
  });
  it("a table of a kind whose columns may show the masked field: all but the name is hidden", () => {
    const card = { metadata: { annotations: { note: "fine" } }, spec: { number: "4111" } };
    const text = shown(
      "GET /apis/shop.example/v1/cards",
      TABLE,
      JSON.stringify(table(card, ["a", "4111"])),
      hiding("$.spec.number"),
    );
    expect(text).not.toContain("4111");
    expect(text).toContain('"a"');
  });
  it("a watch of tables", () => {
    const events = `${JSON.stringify({ type: "ADDED", object: table(SECRET, ["db", "Opaque", 1]) })}\n`;
    const text = shown("GET /api/v1/secrets?watch=1", TABLE, events, masks);
    one(text);
    expect(text).toContain('["db","Opaque",1]');
  });
  it("a table that nobody asked for", () => {
    const text = shown(
      "GET /apis/shop.example/v1/cards",
      "application/json",
      JSON.stringify(table(SECRET, ["a", "4111"])),
      masks,
    );
    expect(text).not.toContain("4111");
  });
  it("partial metadata", () => {
    const { metadata } = SECRET;
    one(
      shown(
        "GET /api/v1/secrets",
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
        JSON.stringify({ kind: "PartialObjectMetadataList", items: [{ metadata }] }),
        masks,
      ),
    );
  });
  it("protobuf that comes anyway, YAML and CBOR are not shown", () => {
    for (const type of ["application/vnd.kubernetes.protobuf", "application/yaml", "application/cbor"])
      expect(shown("GET /api/v1/secrets", "application/json", "k8s\0", masks, { type })).toMatch(/can't be read/);
  });
  it("an answer cut in the middle, or one that is no JSON, is a fault", () => {
    expect(shown("GET /api/v1/secrets", "application/json", "no json", masks)).toMatch(/JSON|expected|character/i);
    expect(shown("GET /api/v1/secrets", TABLE, "no json", masks)).toMatch(/no JSON/);
  });
  it("errors do not quote values", () => {
    const failure = {
      kind: "Status",
      status: "Failure",
      message: 'Secret "db" is invalid: data[p]: Invalid value: "hunter2": must match',
    };
    const text = shown("GET /api/v1/namespaces/a/secrets/db", "application/json", JSON.stringify(failure), masks, {
      status: 422,
    });
    expect(text).not.toContain("hunter2");
    expect(text).toContain("must match");
    expect(withoutValues('x: Invalid value: map[string]interface {}{"a":"b"}: no')).toBe("x: Invalid value: ***");
  });
  it("property: however an answer is cut, the same comes out", () => {
    const list = JSON.stringify({ kind: "SecretList", items: [SECRET] });
    const whole = shown("GET /api/v1/secrets", TABLE, list, masks, { size: 1e6 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), (size) => {
        expect(shown("GET /api/v1/secrets", TABLE, list, masks, { size })).toBe(whole);
      }),
      { numRuns: 40 },
    );
  });
});

describe("what would tell a masked value without showing it", () => {
  const masks = hiding(
    "$.data.*",
    "$.spec.number",
    "$.spec.containers[0].env[1].value",
    "$.metadata.labels.owner",
    '$.metadata.labels["shop.example/owner"]',
  );
  const objection = (line: string, fields: readonly string[] = [], body: ReadBody = NONE): string | null => {
    const made = inspect(line, fields, body);
    if (typeof made === "string") throw new Error(made);
    return made.objection?.(masks) ?? null;
  };
  const patch = (steps: unknown): string | null =>
    objection("PATCH /api/v1/namespaces/a/secrets/db", typed("application/json-patch+json"), json(steps));
  it("a JSON patch that tests, copies or moves it", () => {
    expect(patch([{ op: "test", path: "/data/p", value: "x" }])).toMatch(/step test on \/data\/p/);
    expect(patch([{ op: "copy", from: "/data/p", path: "/metadata/annotations/x" }])).toMatch(/step copy/);
    expect(patch([{ op: "move", from: "/data", path: "/metadata/annotations" }])).toMatch(/step move/);
    expect(patch([{ op: "copy", from: "", path: "/metadata/annotations/x" }])).toMatch(/step copy/);
    expect(patch([{ op: "replace", path: "/data/p", value: "x" }])).toBeNull();
    expect(patch([{ op: "test", path: "/metadata/name", value: "db" }])).toBeNull();
  });
  it.each<readonly [step: object, says: RegExp | null]>([
    [{ op: "test", path: "/spec/containers/0/env/1/value", value: "x" }, /step test/],
    [{ op: "copy", from: "/spec/containers/0/env/1/value", path: "/metadata/annotations/x" }, /step copy/],
    [{ op: "move", from: "/spec/containers/0/env/1", path: "/spec/containers/0/env/-" }, /step move/],
    [{ op: "copy", from: "/spec/containers", path: "/spec/initContainers" }, /step copy/],
    // Other steps of the patch may have moved it there.
    [{ op: "test", path: "/spec/containers/0/env/0/value", value: "x" }, /step test/],
    [{ op: "add", path: "/spec/containers/0/env/0", value: {} }, /step add .*by their number/],
    [{ op: "remove", path: "/spec/containers/0/env/0" }, /step remove .*by their number/],
    [{ op: "move", from: "/spec/x", path: "/spec/containers/0" }, /by their number/],
    [{ op: "add", path: "/spec/containers/0/env/-", value: {} }, null],
    [{ op: "replace", path: "/spec/containers/0/image", value: "x" }, null],
    [{ op: "test", path: "/spec/containers/0/image", value: "x" }, null],
    [{ op: "add", path: "/spec/volumes/0", value: {} }, null],
  ])("a step %j of a mask with numbers: %s", (step, says) => {
    const told = patch([step]);
    if (says === null) expect(told).toBeNull();
    else expect(told).toMatch(says);
  });
  it.each<readonly [selector: string, says: RegExp | null]>([
    ["owner=ana", /selector asks for owner/],
    ["app in (a, b), owner notin (ana,bo)", /selector asks for owner/],
    ["app=web,!owner", /selector asks for owner/],
    [" owner ", /selector asks for owner/],
    ["owner>5", /selector asks for owner/],
    ["shop.example/owner!=ana", /selector asks for shop\.example\/owner/],
    ["app=owner,tier in (owner)", null],
    ["app", null],
  ])("a label selector %j: %s", (selector, says) => {
    const told = objection(`GET /api/v1/pods?labelSelector=${encodeURIComponent(selector)}`);
    if (says === null) expect(told).toBeNull();
    else expect(told).toMatch(says);
  });
  it("a field selector on it", () => {
    expect(objection("GET /apis/shop.example/v1/cards?fieldSelector=spec.number%3D4111")).toMatch(/spec\.number/);
    expect(objection("GET /api/v1/secrets?fieldSelector=metadata.name%3Ddb")).toBeNull();
  });
});

describe("small parts", () => {
  it.each([
    [undefined, "application/json", false],
    ["*/*", "application/json", false],
    ["application/vnd.kubernetes.protobuf,application/json", "application/json", false],
    [TABLE, "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", true],
    ["application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io, application/yaml", null, false],
  ] as const)("Accept %s", (accept, field, tables) => {
    expect(acceptJson(accept)).toEqual({ field, tables });
  });
  it("a refusal is a Status, and never one that clients send again on their own", () => {
    const problem = { status: 429, kind: "denied", title: "t", detail: "No.", more: { rules: ["r"], decision: "s.1" } };
    const made = statusAnswer(problem);
    expect(made.status).toBe(403);
    expect(JSON.parse(made.body.toString())).toMatchObject({
      kind: "Status",
      reason: "Forbidden",
      code: 403,
      message: "sallyport: No.",
      details: { causes: [{ reason: "SallyportRule", message: "r" }, { message: "s.1" }] },
    });
    expect(statusAnswer({ ...problem, status: 202, more: { approval: "a1" } }).fields).toEqual([
      ["warning", '299 - "sallyport: waits for approval a1"'],
    ]);
    expect(warning('a"b\n')).toBe('299 - "sallyport: a\\"b?"');
  });
  it("what channels tell", () => {
    expect(readResize('{"Width":80,"Height":24}')).toEqual({ columns: 80, rows: 24 });
    expect(readResize("x")).toBeNull();
    expect(
      exitOf('{"kind":"Status","status":"Failure","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}'),
    ).toEqual({ code: 7, text: "7" });
    expect(exitOf('{"metadata":{},"status":"Success"}')).toEqual({ code: 0, text: "0" });
    expect(exitOf("[]")).toBeNull();
  });
});
