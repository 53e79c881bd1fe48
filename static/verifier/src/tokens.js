// Step 9: timestamp tokens (RFC 3161, RFC 5816). pkijs checks signature, imprint and chain; what it passes over is here.
import { fromBER } from "asn1js";
import { Certificate, ContentInfo, CryptoEngine, SignedData, setEngine } from "pkijs";

import { equal, hex, sha256, unbase64 } from "./bytes.js";
import { moment } from "./clocks.js";
import { Fault, Unreadable } from "./fault.js";
import { TOKEN_FILE } from "./names.js";

const MAX_TOKENS_EACH = 16;
const MAX_ROOTS = 64;
const COPY = "trust/tsa-roots.pem";
const SIGNED_DATA = "2a864886f70d010702";
const TST_INFO = "2a864886f70d0109100104";
const SHA256 = "608648016503040201";
const KEY_USAGE = "2.5.29.15";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";
const SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12";
const SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47";
const DIGESTS = {
  "1.3.14.3.2.26": "SHA-1",
  "2.16.840.1.101.3.4.2.1": "SHA-256",
  "2.16.840.1.101.3.4.2.2": "SHA-384",
  "2.16.840.1.101.3.4.2.3": "SHA-512",
};

/** Every token is over its checkpoint, and by an authority under a root that was given; enough vouch for the newest. */
export async function checkTimestamps(bag, checkpoints, given, anchors, clocks) {
  const required = Math.max(given.requireTimestamps, given.policy?.timestamps ?? 0);
  const files = tokenFiles(bag, checkpoints);
  const { roots, untrusted } = await rootsOf(bag, given);
  const checked = [];
  if (roots.size) {
    setEngine("browser", new CryptoEngine({ name: "browser", crypto }));
    for (const [checkpoint, name] of files) checked.push(await checkToken(bag, checkpoint, name, roots, untrusted));
  }
  const newest = checkpoints.at(-1).size;
  const vouching = checked.filter(({ size }) => size === newest);
  const authorities = [...new Set(vouching.map(({ authority }) => authority))].sort();
  if (authorities.length < required) {
    const seen = authorities.join(", ") || (roots.size ? "nobody" : "nobody, since no root certificate was given");
    const reason = `${required} authorities must vouch for its time, and there are ${authorities.length}: ${seen}`;
    throw new Fault(9, `checkpoints/${newest}.note`, reason);
  }
  clocks.check(checked, anchors);
  const vouch = vouching.map(({ authority, time }) => `${authority} ${moment(time)}`).join(", ");
  const words = `${checked.length} of ${files.length} tokens checked; authorities required: ${required}`;
  const notChecked = [...whatWasNotChecked(files.length, authorities, roots.size > 0)];
  return [{ checked, authorities, notChecked }, `${words}; ${vouch || "none vouches for it"}`];
}

function* whatWasNotChecked(tokens, authorities, hasRoots) {
  if (tokens && !hasRoots) {
    yield `Timestamps: ${tokens} tokens were not checked, since no root certificates were given.`;
  }
  if (!authorities.length) {
    yield "Time: no timestamp authority vouches for it. All times are those of the archive's own clock.";
  } else if (hasRoots) {
    yield "Timestamps: whether an authority's certificate was revoked was not asked.";
  }
}

function tokenFiles(bag, checkpoints) {
  const known = new Map(checkpoints.map((checkpoint) => [checkpoint.size, checkpoint]));
  const [found, count] = [[], new Map()];
  for (const name of bag.members.keys()) {
    const form = TOKEN_FILE.exec(name);
    if (!form) continue;
    const size = Number(form[1]);
    count.set(size, (count.get(size) ?? 0) + 1);
    if (!known.has(size) || count.get(size) > MAX_TOKENS_EACH) {
      throw new Fault(9, name, "a token of a checkpoint that is not there, or one too many");
    }
    found.push([known.get(size), name]);
  }
  return found;
}

/** The roots that count, by the name of their authority, and every certificate that may help to reach them. */
async function rootsOf(bag, given) {
  const named = given.policy?.tsaRoots ?? new Map();
  const inside = bag.members.has(COPY) ? certificates(await bag.text(9, COPY)) : [];
  const outside = given.tsaRoots ? certificates(given.tsaRoots) : [];
  if (given.tsaRoots && !outside.length) throw new Unreadable("the root certificates", "there is none in PEM form");
  if (inside.length > MAX_ROOTS || outside.length > MAX_ROOTS) {
    throw new Fault(9, COPY, `more than ${MAX_ROOTS} certificates`);
  }
  const roots = new Map();
  for (const certificate of given.tsaRoots ? outside : inside) {
    const digest = hex(sha256(certificate));
    if (given.tsaRoots || named.has(digest)) roots.set(named.get(digest) ?? `root ${digest.slice(0, 16)}`, certificate);
  }
  return { roots, untrusted: [...inside, ...outside] };
}

function certificates(pem) {
  const text = String.fromCharCode(...pem);
  const blocks = text.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g);
  const found = [...blocks].map(([, block]) => unbase64(block.replace(/\s/g, "")));
  return found.includes(null) ? [] : found;
}

async function checkToken(bag, checkpoint, name, roots, untrusted) {
  const raw = await bag.text(9, name);
  let content;
  try {
    content = tokenContent(raw);
  } catch {
    throw new Fault(9, name, "it is not a granted timestamp token in DER");
  }
  if (!equal(content.imprint, sha256(checkpoint.stamped))) {
    throw new Fault(9, name, `it is over something else than checkpoints/${checkpoint.size}.note`);
  }
  for (const [authority, root] of roots) {
    if (await isMadeUnder(content, checkpoint.stamped, root, untrusted)) {
      return { size: checkpoint.size, authority, time: content.time, sha256: hex(sha256(raw)) };
    }
  }
  throw new Fault(9, name, "no authority under the given root certificates made it so, at the time it states");
}

/** Whether the token's signature, its signer's certificate, and the chain to this root are good at the token's time. */
async function isMadeUnder({ token, time }, stamped, rootRaw, untrusted) {
  try {
    const root = certificateOf(rootRaw);
    if (!equal(rawName(root.subject), rawName(root.issuer))) return false;
    const signed = new SignedData({ schema: new ContentInfo({ schema: parsed(token) }).content });
    const signer = signerOf(signed);
    if (!signer || !(await namesCertificate(signed, signer)) || !isForTimestampsAlone(signer)) return false;
    for (const raw of untrusted) signed.certificates.push(certificateOf(raw));
    const result = await signed.verify({
      signer: 0,
      data: stamped.slice().buffer,
      trustedCerts: [root],
      checkDate: new Date(time),
      checkChain: true,
      extendedMode: true,
    });
    return result.signatureVerified === true && result.signerCertificateVerified === true;
  } catch {
    return false;
  }
}

function parsed(raw) {
  const { offset, result } = fromBER(raw.slice().buffer);
  if (offset !== raw.length) throw new Error("malformed");
  return result;
}

const certificateOf = (raw) => new Certificate({ schema: parsed(raw) });
const rawName = (name) => new Uint8Array(name.toSchema().toBER(false));
const rawCertificate = (certificate) => new Uint8Array(certificate.toSchema(false).toBER(false));

function signerOf(signed) {
  const { sid } = signed.signerInfos[0];
  signed.certificates = (signed.certificates ?? []).filter((each) => each instanceof Certificate);
  return signed.certificates.find(
    ({ serialNumber, issuer }) =>
      sid.serialNumber && serialNumber.isEqual(sid.serialNumber) && equal(rawName(issuer), rawName(sid.issuer)),
  );
}

/** RFC 5816: a signed attribute names the signer's certificate by digest, so that no other can stand in for it. */
async function namesCertificate(signed, signer) {
  const attributes = signed.signerInfos[0].signedAttrs?.attributes ?? [];
  const attribute =
    attributes.find(({ type }) => type === SIGNING_CERTIFICATE_V2) ??
    attributes.find(({ type }) => type === SIGNING_CERTIFICATE);
  if (!attribute || attribute.values.length !== 1) return false;
  const parts = attribute.values[0].valueBlock.value[0].valueBlock.value[0].valueBlock.value;
  let algorithm = attribute.type === SIGNING_CERTIFICATE ? "SHA-1" : "SHA-256";
  if (attribute.type === SIGNING_CERTIFICATE_V2 && parts[0].idBlock.tagNumber === 16) {
    algorithm = DIGESTS[parts.shift().valueBlock.value[0].valueBlock.toString()];
  }
  const digest = await crypto.subtle.digest(algorithm, rawCertificate(signer));
  return equal(parts[0].valueBlock.valueHexView, new Uint8Array(digest));
}

/** RFC 3161 2.3: one extended use, time stamping, and critical; a key usage allows nothing but signatures. */
function isForTimestampsAlone(certificate) {
  const extensions = certificate.extensions ?? [];
  const [use, ...others] = extensions.filter(({ extnID }) => extnID === EXTENDED_KEY_USAGE);
  const usage = extensions.find(({ extnID }) => extnID === KEY_USAGE);
  if (!use || others.length || !use.critical) return false;
  const purposes = use.parsedValue.keyPurposes;
  const bits = usage ? usage.parsedValue.valueBlock.valueHexView : [0x80];
  const isSignature = (bits[0] & 0xc0) !== 0 && (bits[0] & 0x3f) === 0 && !bits[1];
  return purposes.length === 1 && purposes[0] === TIME_STAMPING && isSignature;
}

// --- DER, read strictly along the one path on which the signature covers what is read (ITU-T X.690) -------------------

/** The time that a token states, in milliseconds, and the SHA-256 it is over (RFC 3161 2.4.2). */
export function tokenContent(raw) {
  const [status, contentInfo] = only(raw, 0x30, true);
  const granted = split(status.content)[0];
  if (granted.tag !== 2 || granted.content.length !== 1 || granted.content[0] > 1) throw new Error("not granted");
  if (status.tag !== 0x30 || contentInfo.tag !== 0x30) throw new Error("not a response");
  const [kind, signed] = take(contentInfo.content, 0x06, 0xa0);
  const parts = split(only(signed, 0x30));
  const [innerKind, inner] = take(parts[2].content, 0x06, 0xa0);
  const isToken = hex(kind) === SIGNED_DATA && hex(innerKind) === TST_INFO && parts[2].tag === 0x30;
  if (!isToken || parts.at(-1).tag !== 0x31 || split(parts.at(-1).content).length !== 1) throw new Error("not a token");
  const fields = split(only(only(inner, 0x04), 0x30));
  if (fields.slice(0, 5).map(({ tag }) => tag).join() !== "2,6,48,2,24") throw new Error("without a time");
  const [algorithm, imprint] = take(fields[2].content, 0x30, 0x04);
  const [digest] = split(algorithm);
  if (digest.tag !== 6 || hex(digest.content) !== SHA256) throw new Error("not over a SHA-256");
  return { token: contentInfo.whole, time: timeOf(fields[4].content), imprint };
}

function timeOf(raw) {
  const form = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{0,5}[1-9]))?Z$/.exec(String.fromCharCode(...raw));
  const [year, month, day, hour, minute, second] = form.slice(1, 7);
  const whole = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const ms = Date.parse(`${whole}Z`);
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== whole) throw new Error("no such time");
  return ms + Math.floor(Number(`0.${form[7] ?? "0"}`) * 1000);
}

function only(raw, tag, apart = false) {
  const [element, ...others] = split(raw);
  if (others.length || element.tag !== tag) throw new Error("not the element that belongs here");
  if (!apart) return element.content;
  const inner = split(element.content);
  if (inner.length !== 2) throw new Error("not two elements");
  return inner;
}

function take(raw, ...tags) {
  const elements = split(raw);
  if (elements.map(({ tag }) => tag).join() !== tags.join()) throw new Error("not the elements that belong here");
  return elements.map(({ content }) => content);
}

/** The elements that lie side by side. */
function split(raw) {
  const elements = [];
  for (let at = 0; at < raw.length; ) {
    const start = at;
    const tag = raw[at];
    let length = raw[at + 1];
    at += 2;
    if (length === undefined) throw new Error("cut off");
    if (length >= 0x80) {
      const width = length & 0x7f;
      const shown = raw.subarray(at, at + width);
      length = shown.reduce((number, byte) => number * 256 + byte, 0);
      if (width < 1 || width > 4 || length < 0x80 || shown[0] === 0) throw new Error("a length in another form than DER's");
      at += width;
    }
    if ((tag & 0x1f) === 0x1f || at + length > raw.length) throw new Error("cut off");
    elements.push({ tag, content: raw.subarray(at, at + length), whole: raw.subarray(start, at + length) });
    at += length;
  }
  return elements;
}
