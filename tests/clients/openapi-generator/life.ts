// A caller in TypeScript, with the client that openapi-generator makes of the document: preview, reserve, release, and a line from
// its eSIM to its end.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  Configuration,
  DevicesApi,
  EventsApi,
  NumbersApi,
  ReserveFromPreview404ResponseFromJSON,
  ResponseError,
  SIMsApi,
} from "./client/index.js";

const configuration = new Configuration({ basePath: process.env.OSS_URL, accessToken: process.env.OSS_KEY });
const numbers = new NumbersApi(configuration);

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

const random = await numbers.reserveRandom({ newReservation: { areaCode: "11" } });
const list = await numbers.listNumbers({ state: "HELD", ddd: "11" });
assert(list.numbers.some((number) => number.msisdn === random.msisdn));

const deviceChoice = { deviceModel: "SAMSUNG_GALAXY_S25" };
const device = await new DevicesApi(configuration).checkEsim({ deviceChoice });
assert(device.hash);
const sims = new SIMsApi(configuration);
const sim = await sims.orderEsim({
  newEsim: { msisdn: random.msisdn, lineId: randomUUID(), deviceModelHash: device.hash },
});
assert.equal(sim.status, "ACTIVE");
assert((await sims.showActivationCode({ simId: sim.id })).code.startsWith("LPA:1$"));
const { raw: ended } = await sims.endLineRaw({ msisdn: random.msisdn });
assert.equal(ended.status, 204);

const page = await new EventsApi(configuration).readEvents({ limit: 1000 });
const ofSim = page.events.filter((event) => event.simId === sim.id).map((event) => event.kind);
assert(ofSim.includes("sim.issued") && ofSim.includes("sim.ended"), ofSim.join());
