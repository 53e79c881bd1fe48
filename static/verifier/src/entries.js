// Steps 5 and 6: each custody entry is in the ledger with its own payload, and every stream is complete and unbroken.
import { decode, encode, hex, hmac, joined, sha256, unhex, ZEROS } from "./bytes.js";
import { Fault } from "./fault.js";
import { canonical, isCount, isDigest, isMoment, isObject, isText, optional, record } from "./json.js";
import { isIncluded } from "./notes.js";

const HEX = "[0-9a-f]{64}";
const INT = "(?:0|[1-9][0-9]{0,14})";
const LEAF =
  `\\{"log":"(?<log>[^"\\\\\\x00-\\x1f]+)",` +
  `"names":(?:null|\\{"leaf":"(?<namedLeaf>${HEX})","seq":(?<namedSeq>${INT}),"stream":"(?<named>${HEX})"\\}),` +
  `"payload_sha256":"(?<payloadSha256>${HEX})","prev":"(?<prev>${HEX})","seq":(?<seq>${INT}),` +
  `"stream":"(?<stream>${HEX})","time":"(?<time>[0-9:TZ.-]{24})","v":1\\}`;
const ENTRY = new RegExp(
  `^\\{"index":(?<index>${INT}),"leaf":(?<leaf>${LEAF}),"payload":(?<payload>null|\\{.*\\}),"withheld":(?<withheld>null|".*")\\}$`,
  "s",
);
const PROOF = new RegExp(`^\\{"index":(${INT}),"path":\\[((?:"${HEX}"(?:,"${HEX}")*)?)\\]\\}$`);
const ENTRIES = "custody/entries.jsonl";
const PROOFS = "custody/proofs.jsonl";
const ANCHORS = "checkpoints/anchors.jsonl";

function text(raw) {
  try {
    const found = decode(raw);
    return found.includes("\n") ? null : found;
  } catch {
    return null;
  }
}

/** The one form a line can have; one that is not UTF-8 is refused here, at the entry it says it is. */
function entryForm(raw) {
  const line = text(raw);
  if (line !== null) return ENTRY.exec(line);
  const lossy = ENTRY.exec(new TextDecoder().decode(raw));
  if (lossy) throw new Fault(5, `entry ${Number(lossy.groups.index)}`, "it is not UTF-8");
  return null;
}

/** Yield each entry once its leaf is proved to be in the ledger and its payload to be the leaf's. */
export async function* checkEntries(bag, checkpoint, withheld, clocks) {
  const proofs = bag.lines(5, PROOFS);
  let last = -1;
  for await (const raw of bag.lines(5, ENTRIES)) {
    const form = entryForm(raw);
    if (!form) throw new Fault(5, `${ENTRIES}, after entry ${last}`, "the line is not an entry in canonical form");
    const { groups } = form;
    const index = Number(groups.index);
    const item = `entry ${index}`;
    if (index <= last) throw new Fault(5, item, "it is not in order, or there twice");
    last = index;
    const leafHash = sha256(joined(Uint8Array.of(0), encode(groups.leaf)));
    const { value, done } = await proofs.next();
    checkInclusion(item, index, leafHash, checkpoint, done ? null : text(value));
    if (groups.log !== checkpoint.origin) throw new Fault(5, item, "its leaf is of another log");
    const reason = withheld.get(index) ?? null;
    withheld.delete(index);
    clocks.note(index, groups.time);
    yield entryOf(index, leafHash, groups, checkPayload(index, groups, reason));
  }
  if (!(await proofs.next()).done) throw new Fault(5, PROOFS, "a proof of an entry that is not there");
  for (const index of withheld.keys()) {
    throw new Fault(5, `entry ${index}`, "its payload is said to be withheld, and the entry is not there");
  }
}

function entryOf(index, leafHash, { named, namedSeq, namedLeaf, stream, seq, prev }, payload) {
  const names = named ? { stream: named, seq: Number(namedSeq), leaf: namedLeaf } : null;
  return { index, leafHash: hex(leafHash), stream, seq: Number(seq), prev, names, payload };
}

function checkInclusion(item, index, leafHash, checkpoint, line) {
  const form = line === null ? null : PROOF.exec(line);
  if (!form || Number(form[1]) !== index) {
    throw new Fault(5, item, "its proof is missing, not in its place or not in canonical form");
  }
  const path = form[2] ? form[2].split(",").map((digest) => unhex(digest.slice(1, -1))) : [];
  if (!isIncluded(leafHash, index, checkpoint, path)) {
    throw new Fault(5, item, "it is not in the ledger: its leaf or its proof was altered");
  }
}

function checkPayload(index, form, reason) {
  const item = `entry ${index}`;
  const stated = form.withheld === "null" ? null : canonical(5, item, encode(form.withheld));
  if (form.payload === "null") {
    if (reason === null || stated !== reason) {
      throw new Fault(5, item, "its payload is missing, and the export did not say it was withheld");
    }
    return null;
  }
  if (reason !== null || stated !== null) throw new Fault(5, item, "it has a payload that is said to be withheld");
  const raw = encode(form.payload);
  if (hex(sha256(raw)) !== form.payloadSha256) {
    throw new Fault(5, item, "its payload is not the one whose digest is in the ledger");
  }
  const payload = record(5, item, canonical(5, item, raw), {
    action: isText, actor: isText, at: isMoment, facts: isObject, reason: optional(isText), salt: isText, stream: isText,
  });
  if (payload.at !== form.time) throw new Fault(5, item, "its payload has another time than its leaf");
  return payload;
}

/** The entries whose payloads the export withholds, with the reason for each. */
export async function readWithheld(bag) {
  const name = "custody/withheld.jsonl";
  const withheld = new Map();
  for await (const line of bag.lines(5, name)) {
    const stated = record(5, name, canonical(5, name, line), { index: isCount, reason: isText });
    withheld.set(stated.index, stated.reason);
  }
  return withheld;
}

/** Entries of the log itself, proved like any other, that hold the digests of tokens in this package. */
export async function readAnchors(bag, checkpoint) {
  const anchors = [];
  for await (const raw of bag.lines(5, ANCHORS)) {
    const line = text(raw) ?? "";
    const at = line.lastIndexOf(',"proof":');
    const form = ENTRY.exec(`${line.slice(0, Math.max(at, 0))},"withheld":null}`);
    const index = Number(form?.groups.index);
    if (!form || (anchors.length && index <= anchors.at(-1).index)) {
      throw new Fault(5, ANCHORS, "a line is not an entry with its proof in canonical form, or not in order");
    }
    const item = `${ANCHORS}, entry ${index}`;
    const leafHash = sha256(joined(Uint8Array.of(0), encode(form.groups.leaf)));
    checkInclusion(item, index, leafHash, checkpoint, `{"index":${index},"path":${line.slice(at + 9)}`);
    if (form.groups.log !== checkpoint.origin) throw new Fault(5, item, "its leaf is of another log");
    const payload = checkPayload(index, form.groups, null);
    const digest = payload.facts.token_sha256;
    if (payload.action !== "timestamp.received" || payload.stream !== "system" || !isDigest(digest)) {
      throw new Fault(5, item, "it does not record a timestamp token");
    }
    anchors.push({ index, tokenSha256: digest });
  }
  return anchors;
}

// --- 6 Streams --------------------------------------------------------------------------------------------------------

/** Each disclosed key must open the pseudonym under which the ledger's leaves name the stream. */
export async function readStreams(bag) {
  const name = "custody/streams.jsonl";
  const streams = { case: null, exhibits: new Map(), byPseudonym: new Map(), entries: 0, withheld: 0, assignedLater: 0 };
  let before = null;
  for await (const line of bag.lines(6, name)) {
    const stated = record(6, name, canonical(6, name, line), {
      key: isDigest, label: isText, leaf: isDigest, seq: isCount, stream: isDigest,
    });
    const { label } = stated;
    const opened = hex(hmac(unhex(stated.key), encode(label)));
    if (opened !== stated.stream) throw new Fault(6, label, "its key does not open its pseudonym");
    const isInOrder = before === null || streams.exhibits.size === 0 || label > before;
    if (!label.startsWith(streams.case ? "exhibit:" : "case:") || !isInOrder) {
      throw new Fault(6, label, "the case comes first, then its exhibits in order, each once");
    }
    const stream = {
      label, headSeq: stated.seq, headLeaf: stated.leaf, seq: -1, leaf: ZEROS,
      named: false, reference: null, archived: null,
    };
    if (streams.case) streams.exhibits.set(label, stream);
    else streams.case = stream;
    streams.byPseudonym.set(opened, stream);
    before = label;
  }
  if (!streams.case) throw new Fault(6, name, "it discloses no stream");
  return streams;
}

/** Follow every stream through the entries; none may have a gap, another beginning, or another end. Returns the facts of
 * the entry that records this export, with its time as `at`. */
export async function checkStreams(streams, entries) {
  let last = null;
  for await (const entry of entries) {
    last = entry;
    const stream = streams.byPseudonym.get(entry.stream);
    if (!stream) {
      throw new Fault(6, `entry ${entry.index}`, "it belongs to a stream that the package does not disclose");
    }
    follow(stream, entry);
    streams.entries += 1;
    if (!entry.payload) streams.withheld += 1;
    if (stream === streams.case) followCase(streams, entry);
    else followExhibit(stream, entry);
  }
  const { case: own } = streams;
  if (!last || last.leafHash !== own.leaf || own.seq <= own.headSeq) {
    throw new Fault(6, own.label, "its last entries are missing: it does not end in this export");
  }
  for (const stream of streams.exhibits.values()) {
    if (stream.seq !== stream.headSeq) {
      throw new Fault(6, stream.label, `its entries after number ${stream.seq} are missing`);
    }
    if (!stream.named) throw new Fault(6, stream.label, "no entry of the case assigns this exhibit to it");
  }
  return exported(last, streams);
}

function follow(stream, entry) {
  const item = `${stream.label}, entry ${entry.index}`;
  if (entry.seq !== stream.seq + 1) {
    throw new Fault(6, item, `it is number ${entry.seq}, after number ${stream.seq}: entries are missing`);
  }
  if (entry.prev !== stream.leaf) throw new Fault(6, item, "it does not continue the entry before it");
  if (entry.payload && entry.payload.stream !== stream.label) {
    throw new Fault(6, item, "its payload says it is of another stream");
  }
  Object.assign(stream, { seq: entry.seq, leaf: entry.leafHash });
  if (stream.seq === stream.headSeq && stream.leaf !== stream.headLeaf) {
    throw new Fault(6, item, "it is not the entry that the export names as the stream's last");
  }
}

function followCase(streams, { index, names, payload }) {
  const item = `entry ${index}`;
  const facts = payload?.facts ?? {};
  const assigns = payload?.action === "exhibit.assigned";
  if (payload?.action === "case.opened" && isText(facts.reference)) streams.case.reference = facts.reference;
  if (!names) {
    if (assigns) throw new Fault(6, item, "it assigns an exhibit and names no stream");
    return;
  }
  if (streams.case.seq > streams.case.headSeq) {
    if (assigns) streams.assignedLater += 1;
    return;
  }
  const exhibit = streams.byPseudonym.get(names.stream);
  if (!exhibit) throw new Fault(6, item, "it names an exhibit whose stream is missing from the package");
  if (exhibit.seq !== names.seq || exhibit.leaf !== names.leaf) {
    throw new Fault(6, item, `it names another history of ${exhibit.label} than the package holds`);
  }
  exhibit.named = true;
  if (!assigns) return;
  if (facts.exhibit_id !== exhibit.label.slice(exhibit.label.indexOf(":") + 1)) {
    throw new Fault(6, item, `it names ${exhibit.label} and assigns another exhibit`);
  }
  exhibit.reference = facts.reference ?? null;
}

function followExhibit(stream, { index, payload }) {
  const item = `${stream.label}, entry ${index}`;
  if (stream.seq > stream.headSeq) throw new Fault(6, item, "it is later than the package's snapshot");
  if (payload?.action === "exhibit.archived") {
    if (stream.archived) throw new Fault(6, item, "the exhibit is archived a second time");
    stream.archived = payload.facts;
  }
}

function exported({ index, payload }, streams) {
  const item = `entry ${index}`;
  if (payload?.action !== "package.exported") {
    throw new Fault(6, item, "the case's stream does not end in the export of this package");
  }
  const facts = record(6, item, payload.facts, {
    edition: isText, files: isObject, items: isCount, package_id: isText, snapshot_at: isMoment,
  });
  if (facts.items !== streams.exhibits.size) {
    throw new Fault(6, item, `the export has ${facts.items} items, the package ${streams.exhibits.size}`);
  }
  return { ...facts, at: payload.at };
}
