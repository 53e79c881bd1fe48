// JSON in its one canonical form (RFC 8785, without floating-point numbers, which no form here has).
import { decode } from "./bytes.js";
import { Fault } from "./fault.js";

const DIGEST = /^[0-9a-f]{64}$/;
const MOMENT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const MAX_PATH = 64;

/** Read JSON that is written exactly as its value would be written again. */
export function canonical(step, item, raw) {
  let value;
  try {
    const text = decode(raw);
    value = JSON.parse(text);
    if (written(value) === text) return value;
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError || error instanceof TypeError) {
      throw new Fault(step, item, "it is not canonical JSON");
    }
    throw error;
  }
  throw new Fault(step, item, "its JSON is not in canonical form");
}

function written(value) {
  if (typeof value === "string") {
    if (LONE_SURROGATE.test(value)) throw new TypeError("half a character");
    return JSON.stringify(value);
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new TypeError("not exact everywhere");
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
  // The default order of strings is by UTF-16 code units, which is what RFC 8785 3.2.3 asks for.
  const parts = Object.keys(value).sort().map((key) => `${written(key)}:${written(value[key])}`);
  return `{${parts.join(",")}}`;
}

/** Make sure that a value is an object with exactly these fields, each of its kind. */
export function record(step, item, value, fields) {
  const names = Object.keys(fields).sort();
  if (!isObject(value) || Object.keys(value).sort().join() !== names.join()) {
    throw new Fault(step, item, `it does not have exactly the fields ${names.join(", ")}`);
  }
  for (const name of names) {
    if (!fields[name](value[name])) throw new Fault(step, item, `its field '${name}' is malformed`);
  }
  return value;
}

export const isText = (value) => typeof value === "string";
export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
export const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
export const isDigest = (value) => isText(value) && DIGEST.test(value);
export const isMoment = (value) => isText(value) && MOMENT.test(value);
export const isList = (value) => Array.isArray(value);
export const isPath = (value) => isList(value) && value.length <= MAX_PATH && value.every(isDigest);
export const optional = (kind) => (value) => value === null || kind(value);
