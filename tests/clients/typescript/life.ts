// A caller in TypeScript, with the types that openapi-typescript makes of the document: preview, reserve, release, and a line
// from its eSIM to its end.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const client = createClient<paths>({
  baseUrl: process.env.OSS_URL,
  headers: { authorization: `Bearer ${process.env.OSS_KEY}` },
});

const create = () =>
  client.POST("/previews", {
    params: { header: { "Idempotency-Key": key } },
    body: { areaCode: "11" },
  });
const key = randomUUID();
const { data: preview, error } = await create();
assert(preview, JSON.stringify(error));
assert.deepEqual(preview.msisdns.map((offer) => offer.index), [1, 2, 3]);
assert(preview.msisdns.every((offer) => offer.preview.startsWith("(11) 9****-")));
assert.deepEqual((await create()).data, preview);

const reserve = (previewId: string, index: number) =>
  client.PUT("/previews/{previewId}/reservations/{index}", { params: { path: { previewId, index } } });
const { data: reservation } = await reserve(preview.id, 2);
assert(reservation);
assert.equal(reservation.msisdn.slice(-4), preview.msisdns[1]?.preview.slice(-4));

const { response: released } = await client.DELETE("/reservations/{msisdn}", {
  params: { path: { msisdn: reservation.msisdn } },
});
assert.equal(released.status, 204);

const { error: problem } = await reserve(randomUUID(), 1);
// The compiler knows every type that this operation can have: another text here does not compile.
assert(problem?.type === "urn:oss:problem:unknown-preview", JSON.stringify(problem));
assert.equal(problem.field, "previewId");

const { data: random } = await client.POST("/reservations", { body: { areaCode: "11" } });
assert(random);
const { msisdn } = random;
const { data: list } = await client.GET("/numbers", { params: { query: { state: "HELD", ddd: "11" } } });
assert(typeof list === "object" && "numbers" in list && list.numbers.some((number) => number.msisdn === msisdn && number.expiresAt === random.expiresAt));

const { data: device } = await client.PUT("/device-models", { body: { deviceModel: "SAMSUNG_GALAXY_S25" } });
assert(device?.hash);
const { data: sim } = await client.POST("/esims", {
  body: { msisdn, lineId: randomUUID(), deviceModelHash: device.hash },
});
assert.equal(sim?.status, "ACTIVE");
const { data: activation } = await client.GET("/sims/{simId}/activation", { params: { path: { simId: sim.id } } });
assert(typeof activation === "object" && activation.code.startsWith("LPA:1$"));
const { response: ended } = await client.DELETE("/numbers/{msisdn}/line", { params: { path: { msisdn } } });
assert.equal(ended.status, 204);

const { data: page } = await client.GET("/events", { params: { query: { limit: 1000 } } });
const ofSim = page?.events.filter((event) => event.simId === sim.id).map((event) => event.kind) ?? [];
assert(ofSim.includes("sim.issued") && ofSim.includes("sim.ended"), ofSim.join());
