// Steps 3 and 4: checkpoints, signed and cosigned as the reader's policy says, each continuing the one before it.
import { hashes, verify as verifyInScript } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";

import { decode, encode, equal, hex, joined, sha256, unbase64, unhex } from "./bytes.js";
import { Fault, Unreadable } from "./fault.js";
import { canonical, isCount, isPath, record } from "./json.js";
import { TOKEN_FILE } from "./names.js";

hashes.sha512 = sha512;
const ED25519 = 1;
const COSIGNATURE = 4;

/** Whether the signature is the key's over the message: by the browser where it can, else by @noble/ed25519. */
async function ed25519Verifies(key, message, signature) {
  if (signature.length !== 64) return false;
  try {
    const made = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", made, signature, message);
  } catch {
    try {
      return verifyInScript(signature, message, key, { zip215: false });
    } catch {
      return false;
    }
  }
}

/** Whether this key made this signature, or for a witness this timed cosignature, over a note's text. */
function signed(key, text, signature) {
  if (key.kind !== COSIGNATURE) return ed25519Verifies(key.public, encode(text), signature);
  let time = 0n;
  for (const byte of signature.subarray(0, 8)) time = (time << 8n) | BigInt(byte);
  return ed25519Verifies(key.public, encode(`cosignature/v1\ntime ${time}\n${text}`), signature.subarray(8));
}

/** A key's name is not empty and has no spaces, no plus sign, nothing unprintable. */
export const isKeyName = (name) => /^[^\s+\p{C}\p{Z}]+$/u.test(name);

/** Which logs and witnesses are trusted, how many witnesses must have cosigned (c2sp.org/tlog-policy), and, in lines that
 * begin with `#holdfast`, which authorities must vouch for the time. */
export class Policy {
  constructor(raw) {
    Object.assign(this, { logs: [], witnesses: new Map(), groups: new Map(), quorum: "", timestamps: 0 });
    this.tsaRoots = new Map();
    this.grouped = new Set();
    if (raw.some((byte) => (byte < 32 && byte !== 9 && byte !== 10) || byte === 127)) {
      throw new Unreadable("the policy", "it holds control characters");
    }
    // Octets above 0x7f mean nothing to the format; a name that is not UTF-8 could sign no note.
    for (const line of new TextDecoder().decode(raw).split("\n")) {
      const words = line.split(/[ \t]+/).filter((word) => word);
      if (words.length && words[0].toLowerCase().startsWith("#holdfast")) this.takeOurs(line, words);
      else if (words.length && !words[0].startsWith("#")) this.take(line, words);
    }
    if (!this.quorum) throw new Unreadable("the policy", "it has no quorum line");
  }

  take(line, words) {
    const [kind, count] = [words[0], words.length];
    if (kind === "log" && (count === 2 || count === 3)) {
      this.logs.push(this.key(line, words[1], ED25519, this.logs));
    } else if (kind === "witness" && (count === 3 || count === 4)) {
      const key = this.key(line, words[2], COSIGNATURE, [...this.witnesses.values()]);
      this.witnesses.set(this.newName(line, words[1]), key);
    } else if (kind === "group" && count > 3) {
      this.takeGroup(line, words);
    } else if (kind === "quorum" && count === 2 && !this.quorum) {
      if (words[1] !== "none" && !this.witnesses.has(words[1]) && !this.groups.has(words[1])) {
        throw new Unreadable("the policy", `the quorum is not defined before: '${line}'`);
      }
      this.quorum = words[1];
    } else {
      throw new Unreadable("the policy", `not a line of a policy: '${line}'`);
    }
  }

  takeGroup(line, words) {
    const members = words.slice(3);
    const threshold = { any: "1", all: String(members.length) }[words[2]] ?? words[2];
    if (!/^[1-9][0-9]{0,8}$/.test(threshold) || Number(threshold) > members.length) {
      throw new Unreadable("the policy", `no such threshold: '${line}'`);
    }
    for (const member of members) {
      if (this.grouped.has(member) || (!this.witnesses.has(member) && !this.groups.has(member))) {
        throw new Unreadable("the policy", `'${member}' is not defined before, or is a member twice`);
      }
      this.grouped.add(member);
    }
    this.groups.set(this.newName(line, words[1]), { threshold: Number(threshold), members });
  }

  takeOurs(line, words) {
    const kind = words.slice(0, 2).join(" ");
    if (kind === "#holdfast timestamps" && words.length === 3 && /^[1-9]$/.test(words[2]) && !this.timestamps) {
      this.timestamps = Number(words[2]);
    } else if (kind === "#holdfast tsa-root" && words.length === 4 && /^[0-9a-f]{64}$/.test(words[3])) {
      if (this.tsaRoots.has(words[3]) || [...this.tsaRoots.values()].includes(words[2])) {
        throw new Unreadable("the policy", `a root or its name is there twice: '${line}'`);
      }
      this.tsaRoots.set(words[3], words[2]);
    } else {
      throw new Unreadable("the policy", `a #holdfast line that is not understood: '${line}'`);
    }
  }

  newName(line, name) {
    if (name === "none" || this.witnesses.has(name) || this.groups.has(name)) {
      throw new Unreadable("the policy", `the name is taken: '${line}'`);
    }
    return name;
  }

  key(line, text, kind, known) {
    const [name, id, ...rest] = text.split("+");
    const material = unbase64(rest.join("+"));
    if (!isKeyName(name) || !material || material.length !== 33 || material[0] !== kind) {
      throw new Unreadable("the policy", `not a key that can be checked here: '${line}'`);
    }
    const made = { name, kind, public: material.subarray(1) };
    made.id = hex(sha256(joined(encode(`${name}\n`), material))).slice(0, 8);
    if (made.id !== id || known.some((other) => equal(other.public, made.public))) {
      throw new Unreadable("the policy", `the key has another id, or is there twice: '${line}'`);
    }
    return made;
  }

  /** Whether these witnesses are the quorum (or make up the named group). */
  metBy(cosigned, name = this.quorum) {
    if (name === "none" || this.witnesses.has(name)) return name === "none" || cosigned.includes(name);
    const { threshold, members } = this.groups.get(name);
    return members.filter((member) => this.metBy(cosigned, member)).length >= threshold;
  }

  /** Keys that have this name and key id, each with the label under which it is reported. */
  known(name, id) {
    const logs = this.logs.map((key) => [`${key.name}+${key.id}`, key]);
    return [...logs, ...this.witnesses].filter(([, key]) => key.name === name && key.id === id);
  }
}

/** Read a signed note (c2sp.org/signed-note) and the checkpoint in it (c2sp.org/tlog-checkpoint). */
export async function readCheckpoint(step, item, raw, policy) {
  let note;
  try {
    note = decode(raw);
  } catch {
    throw new Fault(step, item, "it is not UTF-8");
  }
  const blank = note.lastIndexOf("\n\n");
  const [text, lines] = [note.slice(0, Math.max(blank, 0)), note.slice(blank + 2)];
  const parts = text.split("\n");
  const signatures = lines.split("\n").slice(0, -1).map((line) => /^— ([^ ]+) ([^ ]+)$/.exec(line));
  const sized = parts.length === 3 && /^(0|[1-9][0-9]{0,18})$/.test(parts[1]) && Number.isSafeInteger(Number(parts[1]));
  const counted = signatures.length > 0 && signatures.length <= 64 && !signatures.includes(null);
  if (blank < 0 || !sized || !lines.endsWith("\n") || !counted) throw new Fault(step, item, "it is not a signed checkpoint");
  const [origin, size, root] = [parts[0], Number(parts[1]), unbase64(parts[2])];
  if (!isKeyName(origin) || !root || root.length !== 32) {
    throw new Fault(step, item, "its origin or its root hash is malformed");
  }
  const [signedBy, witnesses] = [new Set(), new Set()];
  for (const [, name, encoded] of signatures) {
    const material = unbase64(encoded);
    if (!material || material.length < 5 || !isKeyName(name)) throw new Fault(step, item, "a signature line is malformed");
    // Unknown signatures are ignored; one under a known name and key id must be true.
    for (const [label, key] of policy ? policy.known(name, hex(material.subarray(0, 4))) : []) {
      if (!(await signed(key, `${text}\n`, material.subarray(4)))) {
        throw new Fault(step, item, `the signature of ${key.name} is false`);
      }
      (key.kind === COSIGNATURE ? witnesses : signedBy).add(label);
    }
  }
  if (policy && ![...signedBy].some((label) => label.split("+")[0] === origin)) {
    throw new Fault(step, item, `no key that the policy trusts for the log '${origin}' has signed it`);
  }
  // What timestamp tokens are over: the note without the lines of witnesses, which may come later.
  const own = signatures.filter(([, name]) => name === origin).map(([line]) => `${line}\n`).join("");
  const stamped = encode(`${text}\n\n${own}`);
  return { origin, size, root, signedBy: [...signedBy].sort(), witnesses: [...witnesses].sort(), stamped };
}

export async function checkCheckpoints(bag, policy) {
  const checkpoints = [];
  for (const name of bag.members.keys()) {
    if (!name.startsWith("checkpoints/") || name.endsWith(".jsonl") || TOKEN_FILE.test(name)) continue;
    const checkpoint = await readCheckpoint(3, name, await bag.text(3, name), policy);
    if (name !== `checkpoints/${checkpoint.size}.note`) {
      throw new Fault(3, name, `it is a checkpoint of size ${checkpoint.size}`);
    }
    checkpoints.push(checkpoint);
  }
  checkpoints.sort((one, other) => one.size - other.size);
  if (!checkpoints.length) throw new Fault(3, "checkpoints/", "the package has no checkpoint");
  const newest = checkpoints.at(-1);
  const name = `checkpoints/${newest.size}.note`;
  if (new Set(checkpoints.map(({ origin }) => origin)).size > 1) {
    throw new Fault(3, name, "the package's checkpoints are of different logs");
  }
  if (!policy) {
    const words = `${checkpoints.length} of log ${newest.origin}, size ${newest.size}; signatures not checked`;
    return [checkpoints, words];
  }
  if (!policy.metBy(newest.witnesses)) {
    const seen = newest.witnesses.join(", ") || "nobody";
    throw new Fault(3, name, `the quorum '${policy.quorum}' is not met: cosigned by ${seen}`);
  }
  const cosigned = newest.witnesses.join(", ") || "no witness, and the policy asks for none";
  const words = `${checkpoints.length}, size ${newest.size}, signed by ${newest.origin}; cosigned by ${cosigned}`;
  return [checkpoints, words];
}

export async function checkConsistency(bag, checkpoints, policy, earlier) {
  const name = "checkpoints/consistency.jsonl";
  const proofs = bag.lines(4, name);
  for (let at = 1; at < checkpoints.length; at += 1) {
    const [old, later] = [checkpoints[at - 1], checkpoints[at]];
    const item = `${name}, from ${old.size} to ${later.size}`;
    const { value, done } = await proofs.next();
    const line = canonical(4, item, done ? encode("null") : value);
    const proof = record(4, item, line, { from: isCount, path: isPath, to: isCount });
    if (proof.from !== old.size || proof.to !== later.size) {
      throw new Fault(4, item, "its proof is missing or not in its place");
    }
    if (!isConsistent(old, later, proof.path.map(unhex))) {
      throw new Fault(4, item, "the later does not continue the earlier: history was rewritten");
    }
  }
  if (!(await proofs.next()).done) throw new Fault(4, name, "it has more proofs than there are steps between checkpoints");
  for (const [at, raw] of earlier.entries()) {
    const note = await readCheckpoint(4, `earlier note ${at + 1}`, raw, policy);
    const item = `earlier note ${at + 1} (size ${note.size})`;
    const same = checkpoints.find(({ size }) => size === note.size);
    if (note.origin !== checkpoints.at(-1).origin || !same) {
      throw new Fault(4, item, "the package does not connect to it: ask for one that holds this checkpoint");
    }
    if (!equal(note.root, same.root)) throw new Fault(4, item, "another root for the same size: history was rewritten");
  }
  return `${checkpoints.length - 1} proofs between checkpoints; ${earlier.length} earlier notes continued`;
}

// --- the tree (RFC 9162); sizes may pass 2^31, so no bit operators ----------------------------------------------------

const half = (number) => Math.floor(number / 2);
const isOdd = (number) => number % 2 === 1;
const isPowerOfTwo = (number) => (BigInt(number) & (BigInt(number) - 1n)) === 0n;

export function nodeHash(left, right) {
  return sha256(joined(Uint8Array.of(1), left, right));
}

/** Whether the old tree is the beginning of the new one (RFC 9162 2.1.4.2). */
function isConsistent(old, later, path) {
  if (old.size === 0) return !path.length && equal(old.root, sha256(new Uint8Array()));
  let [position, last] = [old.size - 1, later.size - 1];
  while (isOdd(position)) [position, last] = [half(position), half(last)];
  const hashed = isPowerOfTwo(old.size) ? [old.root, ...path] : path;
  if (!hashed.length) return false;
  let [first, second] = [hashed[0], hashed[0]];
  for (const sibling of hashed.slice(1)) {
    if (last === 0) return false;
    if (isOdd(position) || position === last) {
      [first, second] = [nodeHash(sibling, first), nodeHash(sibling, second)];
      while (position && !isOdd(position)) [position, last] = [half(position), half(last)];
    } else {
      second = nodeHash(second, sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && equal(first, old.root) && equal(second, later.root);
}

/** Whether this leaf has this index under the checkpoint (RFC 9162 2.1.3.2). */
export function isIncluded(leafHash, index, checkpoint, path) {
  let [position, last, digest] = [index, checkpoint.size - 1, leafHash];
  if (position > last) return false;
  for (const sibling of path) {
    if (last === 0) return false;
    if (isOdd(position) || position === last) {
      digest = nodeHash(sibling, digest);
      while (position && !isOdd(position)) [position, last] = [half(position), half(last)];
    } else {
      digest = nodeHash(digest, sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && equal(digest, checkpoint.root);
}
