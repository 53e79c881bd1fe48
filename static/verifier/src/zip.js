// Steps 1 and 2: one canonical form of ZIP, and manifests that list everything (docs/package.md).
import { crc32, decode, digests, encode, equal, hex, joined } from "./bytes.js";
import { Fault, Unreadable } from "./fault.js";

const CHUNK_BYTES = 4 << 20;
const MAX_LINE_BYTES = 16 << 20;
const MAX_DIRECTORY_BYTES = 2 ** 30;
const MAX_TEXT_BYTES = 1 << 20;
const ZIP64_FROM = 0xffffffff;
const ZIP64_COUNT_FROM = 0xffff;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;
const MAX_NAME = 240;
const UTF8_FLAG = 0x0800;
const FIRST_OF_1980 = 0x21;
const TAG_MANIFESTS = ["tagmanifest-sha256.txt", "tagmanifest-sha512.txt"];

/** The opened package: its members, and after step 1 the digests of their contents. Reads a Blob piece by piece. */
export class Bag {
  constructor(blob) {
    this.blob = blob;
    this.members = new Map();
    this.window = { start: 0, raw: new Uint8Array() };
  }

  /** Bytes of the file; small neighbours are read together. */
  async at(offset, size) {
    const { start, raw } = this.window;
    if (offset >= start && offset + size <= start + raw.length) return raw.subarray(offset - start, offset - start + size);
    const wanted = this.blob.slice(offset, offset + Math.max(size, CHUNK_BYTES));
    this.window = { start: offset, raw: new Uint8Array(await wanted.arrayBuffer()) };
    return this.window.raw.subarray(0, size);
  }

  async *chunks(name) {
    const member = this.members.get(name);
    for (let done = 0; done < member.size; done += CHUNK_BYTES) {
      const size = Math.min(CHUNK_BYTES, member.size - done);
      const raw = await this.at(member.offset + done, size);
      if (raw.length !== size) throw new Fault(1, name, "the file ends in the middle of it");
      yield raw;
    }
  }

  /** A member's lines without their line feeds. */
  async *lines(step, name) {
    this.require(step, name);
    let rest = new Uint8Array();
    for await (const chunk of this.chunks(name)) {
      let from = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
        yield rest.length ? joined(rest, chunk.subarray(from, end)) : chunk.slice(from, end);
        rest = new Uint8Array();
        from = end + 1;
      }
      rest = joined(rest, chunk.subarray(from));
      if (rest.length > MAX_LINE_BYTES) throw new Fault(step, name, `a line is longer than ${MAX_LINE_BYTES} bytes`);
    }
    if (rest.length) throw new Fault(step, name, "the last line does not end");
  }

  /** All of a small member. */
  async text(step, name) {
    this.require(step, name);
    const { size } = this.members.get(name);
    if (size > MAX_TEXT_BYTES) throw new Fault(step, name, `it is longer than ${MAX_TEXT_BYTES} bytes`);
    const pieces = [];
    for await (const piece of this.chunks(name)) pieces.push(piece);
    return joined(...pieces);
  }

  require(step, name) {
    if (!this.members.has(name)) throw new Fault(step, name, "it is missing from the package");
  }
}

// --- step 1: accept exactly one form; every header is rebuilt from name, CRC, size and place, and compared -----------

export async function checkZipForm(bag, progress) {
  const [count, directoryOffset, directory] = await readDirectory(bag);
  let [position, offset, before] = [0, 0, null];
  for (let number = 0; number < count; number += 1) {
    const { name, size, crc } = parseCentral(directory, position, number);
    const expected = centralHeader(name, crc, size, offset);
    if (!equal(directory.subarray(position, position + expected.length), expected)) {
      throw new Fault(1, name, "its directory entry is not in canonical form");
    }
    checkName(name, before);
    const content = offset + localHeader(name, crc, size).length;
    bag.members.set(name, { name, size, crc, header: offset, offset: content });
    [position, offset, before] = [position + expected.length, content + size, name];
  }
  if (position !== directory.length || offset !== directoryOffset) {
    throw new Fault(1, "end of the ZIP", "there are bytes that belong to no file");
  }
  checkCollisions(bag.members);
  let [total, done] = [0, 0];
  for (const { size } of bag.members.values()) total += size;
  for (const member of bag.members.values()) {
    await readMember(bag, member);
    done += member.size;
    progress(done, total);
  }
  return `${count} files of ${total} bytes, in canonical form`;
}

async function readDirectory(bag) {
  const length = bag.blob.size;
  const end = await bag.at(Math.max(0, length - 98), Math.min(98, length));
  if (end.length < 22 || decodeMark(end, end.length - 22) !== "PK\x05\x06") {
    if (decodeMark(await bag.at(0, Math.min(4, length)), 0) !== "PK\x03\x04") {
      throw new Unreadable("the file", "it is not a ZIP");
    }
    throw new Fault(1, "end of the ZIP", "it is cut off, or something follows it");
  }
  const view = new DataView(end.buffer, end.byteOffset, end.length);
  const at = end.length - 12;
  let [count, size, offset] = [view.getUint16(at, true), view.getUint32(at + 2, true), view.getUint32(at + 6, true)];
  const wide = count === ZIP64_COUNT_FROM || size === ZIP64_FROM || offset === ZIP64_FROM;
  if (end.length === 98 && wide && decodeMark(end, 0) === "PK\x06\x06") {
    const [count64, size64, offset64] = [32, 40, 48].map((place) => Number(view.getBigUint64(place, true)));
    count = count === ZIP64_COUNT_FROM ? count64 : count;
    size = size === ZIP64_FROM ? size64 : size;
    offset = offset === ZIP64_FROM ? offset64 : offset;
  }
  const expected = endRecords(count, size, offset);
  const shown = end.subarray(Math.max(0, end.length - expected.length));
  if (!equal(shown, expected) || offset + size + expected.length !== length) {
    throw new Fault(1, "end of the ZIP", "it is not in canonical form, or the file was cut or extended");
  }
  if (size > MAX_DIRECTORY_BYTES) {
    throw new Fault(1, "end of the ZIP", `the directory is larger than ${MAX_DIRECTORY_BYTES} bytes`);
  }
  return [count, offset, size ? (await bag.at(offset, size)).slice() : new Uint8Array()];
}

function decodeMark(raw, at) {
  return String.fromCharCode(...raw.subarray(at, at + 4));
}

function parseCentral(directory, position, number) {
  const fixed = directory.subarray(position, position + 46);
  if (fixed.length < 46 || decodeMark(fixed, 0) !== "PK\x01\x02") {
    throw new Fault(1, `directory entry ${number}`, "it is not one");
  }
  const view = new DataView(fixed.buffer, fixed.byteOffset, fixed.length);
  const [crc, short, nameLength] = [view.getUint32(16, true), view.getUint32(24, true), view.getUint16(28, true)];
  const raw = directory.subarray(position + 46, position + 46 + nameLength);
  if (raw.some((byte) => byte > 0x7f)) throw new Fault(1, `directory entry ${number}`, "the name is not plain");
  let size = short;
  if (short === ZIP64_FROM) {
    const extra = new Uint8Array(12);
    extra.set(directory.subarray(position + 46 + nameLength).subarray(0, 12));
    size = Number(new DataView(extra.buffer).getBigUint64(4, true));
  }
  return { name: decode(raw), size, crc };
}

function checkName(name, before) {
  if (!NAME.test(name) || name.length > MAX_NAME) {
    throw new Fault(1, name, "a name that is not plain, or leads out of the package");
  }
  if (before !== null && name <= before) throw new Fault(1, name, "it is there twice, or not in order");
}

/** On no file system may one file hide another: names differ in more than case, and none is another's folder. */
function checkCollisions(members) {
  const [folders, seen] = [new Set(), new Set()];
  for (const name of members.keys()) {
    for (let at = name.indexOf("/"); at >= 0; at = name.indexOf("/", at + 1)) folders.add(name.slice(0, at).toLowerCase());
  }
  for (const name of members.keys()) {
    const folded = name.toLowerCase();
    if (seen.has(folded) || folders.has(folded)) throw new Fault(1, name, "unpacked, it would collide with another file");
    seen.add(folded);
  }
}

async function readMember(bag, member) {
  const header = localHeader(member.name, member.crc, member.size);
  if (!equal(await bag.at(member.header, header.length), header)) {
    throw new Fault(1, member.name, "its header is not in canonical form");
  }
  let crc = 0;
  async function* watched() {
    for await (const chunk of bag.chunks(member.name)) {
      crc = crc32(chunk, crc);
      yield chunk;
    }
  }
  const [sha256, sha512] = await digests(watched());
  if (crc !== member.crc) {
    throw new Fault(1, member.name, "its bytes are damaged: they do not have the CRC-32 in the ZIP");
  }
  Object.assign(member, { sha256: hex(sha256), sha512: hex(sha512) });
}

/** Little-endian numbers: pairs of width in bytes and value. */
function packed(...pairs) {
  const raw = new Uint8Array(pairs.reduce((size, [width]) => size + width, 0));
  let at = 0;
  for (const [width, value] of pairs) {
    let left = BigInt(value);
    for (let byte = 0; byte < width; byte += 1, left >>= 8n) raw[at + byte] = Number(left & 0xffn);
    at += width;
  }
  return raw;
}

/** The only accepted header before a file's bytes (PKWARE APPNOTE 4.3.7). */
function localHeader(name, crc, size) {
  const big = size >= ZIP64_FROM;
  const extra = big ? packed([2, 1], [2, 16], [8, size], [8, size]) : new Uint8Array();
  const short = big ? ZIP64_FROM : size;
  const fixed = packed(
    [2, big ? 45 : 20], [2, UTF8_FLAG], [2, 0], [2, 0], [2, FIRST_OF_1980],
    [4, crc], [4, short], [4, short], [2, name.length], [2, extra.length],
  );
  return joined(encode("PK\x03\x04"), fixed, encode(name), extra);
}

/** The only accepted directory entry of a file (APPNOTE 4.3.12). */
function centralHeader(name, crc, size, offset) {
  const [big, far] = [size >= ZIP64_FROM, offset >= ZIP64_FROM];
  const wide = joined(big ? packed([8, size], [8, size]) : new Uint8Array(), far ? packed([8, offset]) : new Uint8Array());
  const extra = wide.length ? joined(packed([2, 1], [2, wide.length]), wide) : new Uint8Array();
  const [version, short] = [wide.length ? 45 : 20, big ? ZIP64_FROM : size];
  const fixed = packed(
    [2, version], [2, version], [2, UTF8_FLAG], [2, 0], [2, 0], [2, FIRST_OF_1980],
    [4, crc], [4, short], [4, short], [2, name.length], [2, extra.length], [2, 0], [2, 0], [2, 0],
    [4, 0], [4, far ? ZIP64_FROM : offset],
  );
  return joined(encode("PK\x01\x02"), fixed, encode(name), extra);
}

/** The only accepted end of the ZIP (APPNOTE 4.3.14 to 4.3.16). */
function endRecords(count, size, offset) {
  let wide = new Uint8Array();
  if (count >= ZIP64_COUNT_FROM || size >= ZIP64_FROM || offset >= ZIP64_FROM) {
    wide = joined(
      encode("PK\x06\x06"),
      packed([8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count], [8, size], [8, offset]),
      encode("PK\x06\x07"),
      packed([4, 0], [8, offset + size], [4, 1]),
    );
  }
  const shown = Math.min(count, ZIP64_COUNT_FROM);
  const last = packed(
    [2, 0], [2, 0], [2, shown], [2, shown],
    [4, Math.min(size, ZIP64_FROM)], [4, Math.min(offset, ZIP64_FROM)], [2, 0],
  );
  return joined(wide, encode("PK\x05\x06"), last);
}

// --- step 2: every file is listed once, in order, with both digests; nothing is listed that is not there -------------

export async function checkManifests(bag) {
  const names = [...bag.members.keys()];
  const payload = names.filter((name) => name.startsWith("data/"));
  const tags = names.filter((name) => !name.startsWith("data/") && !TAG_MANIFESTS.includes(name));
  for (const algorithm of ["sha256", "sha512"]) {
    await checkManifest(bag, `tagmanifest-${algorithm}.txt`, tags, algorithm);
    await checkManifest(bag, `manifest-${algorithm}.txt`, payload, algorithm);
  }
  const declaration = encode("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
  if (!equal(await bag.text(2, "bagit.txt"), declaration)) {
    throw new Fault(2, "bagit.txt", "it does not declare a BagIt 1.0 bag in UTF-8");
  }
  let octets = 0;
  for (const name of payload) octets += bag.members.get(name).size;
  const oxum = `${octets}.${payload.length}`;
  if (!(await bagInfo(bag)).includes(`Payload-Oxum: ${oxum}`)) {
    throw new Fault(2, "bag-info.txt", `its Payload-Oxum is not ${oxum}`);
  }
  return `${payload.length} payload files and ${tags.length} tag files, all listed with sha256 and sha512, none besides`;
}

export async function bagInfo(bag) {
  const raw = await bag.text(2, "bag-info.txt");
  try {
    return decode(raw).split("\n");
  } catch {
    throw new Fault(2, "bag-info.txt", "it is not UTF-8");
  }
}

async function checkManifest(bag, manifest, names, algorithm) {
  let at = 0;
  for await (const raw of bag.lines(2, manifest)) {
    const name = names[at];
    at += 1;
    const line = String.fromCharCode(...raw.subarray(0, 1024)) + (raw.length > 1024 ? "…" : "");
    if (name !== undefined && line === `${bag.members.get(name)[algorithm]}  ${name}`) continue;
    const listed = line.includes("  ") ? line.slice(line.indexOf("  ") + 2) : "";
    if (listed === name) throw new Fault(2, name, `it does not have the digest that ${manifest} lists`);
    if (name !== undefined && (listed > name || bag.members.has(listed))) {
      throw new Fault(2, name, `it is not listed in its place in ${manifest}`);
    }
    throw new Fault(2, listed || manifest, `${manifest} lists it, and it is not there or not in its place`);
  }
  if (at < names.length) throw new Fault(2, names[at], `it is not listed in ${manifest}`);
}
