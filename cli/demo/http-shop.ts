import { createServer, type ServerResponse } from "node:http";
import { askOnce, type Server } from "./ask-once.ts";

/** The shop's HTTP API, as a small service would have it: it knows nothing of policies, and sees everything. */
export interface ShopApi {
  readonly port: number;
  close(): Promise<void>;
}

const CUSTOMER =
  "json_build_object('id', id, 'name', full_name, 'email', email, 'phone', phone, 'national_id', national_id, 'city', city)";

/** Serves `GET /v1/customers`, `GET /v1/customers/ID` and `DELETE /v1/orders/ID` out of the shop's database. */
export function startShopApi(database: Server): Promise<ShopApi> {
  const one = async (sql: string): Promise<string | null> => (await askOnce(database, sql))[0]?.[0] ?? null;
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").split("?")[0]!;
    const id = /^\/v1\/(?:customers|orders)\/(\d{1,9})$/.exec(path)?.[1];
    const answer = async (): Promise<void> => {
      if (request.method === "GET" && path === "/v1/customers")
        return send(
          response,
          200,
          await one(
            `select json_build_object('customers', json_agg(c)) from (select ${CUSTOMER} as c from customers order by id limit 3) t`,
          ),
        );
      if (request.method === "GET" && path.startsWith("/v1/customers/") && id !== undefined) {
        const found = await one(`select ${CUSTOMER} from customers where id = ${id}`);
        return send(response, found === null ? 404 : 200, found ?? '{"error":"no such customer"}');
      }
      if (request.method === "DELETE" && path.startsWith("/v1/orders/") && id !== undefined) {
        const found = await one(`update orders set status = 'cancelled' where id = ${id} returning id::text`);
        return send(
          response,
          found === null ? 404 : 200,
          found === null ? '{"error":"no such order"}' : `{"cancelled":${found}}`,
        );
      }
      return send(response, 404, '{"error":"no such page"}');
    };
    answer().catch(() => send(response, 500, '{"error":"the database did not answer"}'));
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : 0,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}

function send(response: ServerResponse, status: number, body: string | null): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${body ?? "null"}\n`);
}

/** What the configuration says of it. */
export const httpListener = (port: number): string => `  - { protocol: http, address: "127.0.0.1:${port}" }\n`;
export const httpTarget = (port: number): string =>
  `  - { name: shop-api, protocol: http, address: "127.0.0.1:${port}", labels: { env: production } }\n`;

/** What to paste. */
export const httpToTry = (port: number): string => `
The shop's HTTP API is behind the gateway too, which curl speaks to as to a proxy. As ana: masked, and as kim:kim not; as
dev: waiting for an approval:

  curl -x http://ana:ana@127.0.0.1:${port} http://shop-api/v1/customers
  curl -x http://dev:dev@127.0.0.1:${port} -X DELETE http://shop-api/v1/orders/7
`;
