// A caller in TypeScript, with the client that openapi-generator makes of the document: preview, reserve, release.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Configuration, NumbersApi, ReserveFromPreview404ResponseFromJSON, ResponseError } from "./client/index.js";

const numbers = new NumbersApi(
  new Configuration({ basePath: process.env.OSS_URL, accessToken: process.env.OSS_KEY }),
);

const idempotencyKey = randomUUID();
const create = () => numbers.createPreview({ newPreview: { areaCode: "11" }, idempotencyKey });
const preview = await create();
assert.deepEqual(preview.msisdns.map((offer) => offer.index), [1, 2, 3]);
assert(preview.msisdns.every((offer) => offer.preview.startsWith("(11) 9****-")));
assert.deepEqual(await create(), preview);

const { msisdn } = await numbers.reserveFromPreview({ previewId: preview.id, index: 2 });
assert.equal(msisdn.slice(-4), preview.msisdns[1]?.preview.slice(-4));
assert.equal((await numbers.showNumber({ msisdn })).status, "RESERVED");

const { raw: released } = await numbers.releaseNumberRaw({ msisdn });
assert.equal(released.status, 204);

const refused = await numbers.reserveFromPreview({ previewId: randomUUID(), index: 1 }).catch((error) => error);
assert(refused instanceof ResponseError, String(refused));
const problem = ReserveFromPreview404ResponseFromJSON(await refused.response.json());
// The compiler knows every type that this status can have: another text here does not compile.
assert(problem.type === "urn:oss:problem:unknown-preview");
