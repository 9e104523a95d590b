import { describe, expect, it } from "vitest";
import { quietIo } from "../../test/support/gateway.ts";
import { kubeCredentialCommand } from "./kube-credential.ts";
import { kubectlRequests, splitWords } from "./policy/kubectl-requests.ts";

describe("sallyport kube-credential", () => {
  const run = async (args: readonly string[], env: Record<string, string>): Promise<unknown> => {
    const said: string[] = [];
    await kubeCredentialCommand(args, quietIo(".", said, env), () => 1_000_000);
    return JSON.parse(said.join(""));
  };
  const jwt = (exp: number): string => `e30.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.c2ln`;
  it("prints a token with its end, and refuses one that has ended", async () => {
    expect(await run([], { SALLYPORT_TOKEN: jwt(2_000) })).toEqual({
      apiVersion: "client.authentication.k8s.io/v1",
      kind: "ExecCredential",
      status: { token: jwt(2_000), expirationTimestamp: "1970-01-01T00:33:20Z" },
    });
    await expect(async () => run([], { SALLYPORT_TOKEN: jwt(1_000) })).rejects.toThrow(/ended at 1970/);
    await expect(async () => run([], {})).rejects.toThrow(/there is no token/);
    await expect(async () => run(["--token-file", "nosuch"], {})).rejects.toThrow(/can't be read/);
    await expect(async () => run([], { SALLYPORT_TOKEN: "x", KUBERNETES_EXEC_INFO: "{}" })).rejects.toThrow(
      /another kind/,
    );
  });
});

describe("kubectl commands of policy tests", () => {
  const told = (text: string): string => {
    const words = splitWords(text);
    if (typeof words === "string") return words;
    const made = kubectlRequests(words);
    return typeof made === "string" ? made : made.map(({ method, path }) => `${method} ${path}`).join("\n");
  };
  it.each([
    ["get pods", "GET /api/v1/namespaces/default/pods"],
    ["get po,svc -A", "GET /api/v1/pods\nGET /api/v1/services"],
    ["get secret db -n shop -o yaml", "GET /api/v1/namespaces/shop/secrets/db"],
    ["get pod a -w", "GET /api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Da&watch=true"],
    ["get cards.v1.shop.example x", "GET /apis/shop.example/v1/namespaces/default/cards/x"],
    [
      "delete deploy/a rs/b",
      "DELETE /apis/apps/v1/namespaces/default/deployments/a\nDELETE /apis/apps/v1/namespaces/default/replicasets/b",
    ],
    ["delete pods --all", "DELETE /api/v1/namespaces/default/pods"],
    ["delete pods -l app=a", "DELETE /api/v1/namespaces/default/pods?labelSelector=app%3Da"],
    ["scale sts a --replicas=0", "PATCH /apis/apps/v1/namespaces/default/statefulsets/a/scale"],
    [
      "exec a -- sh -c 'id; ls'",
      "GET /api/v1/namespaces/default/pods/a/exec?command=sh&command=-c&command=id%3B%20ls&stdout=true&stderr=true",
    ],
    ["logs -f a -c main", "GET /api/v1/namespaces/default/pods/a/log?container=main"],
    [
      "cp shop/a:/x y",
      "GET /api/v1/namespaces/shop/pods/a/exec?command=tar&command=cf&command=-&command=%2Fx&stdout=true&stderr=true",
    ],
    ["port-forward pod/a 80", "GET /api/v1/namespaces/default/pods/a/portforward"],
  ])("%s", (text, requests) => {
    expect(told(text)).toBe(requests);
  });
  it.each([
    ["apply -f x.yaml", /test has no files/],
    ["get widgets", /not known to policy tests/],
    ["exec a", /needs --/],
    ["get pods --nosuch", /--nosuch is not known/],
    ["get pods | cat", /the shell's/],
    ["delete pod", /names no object/],
    ["edit pod a", /not taken apart/],
  ])("%s can't be taken apart", (text, why) => {
    expect(told(text)).toMatch(why);
  });
});
