// Steps 7 and 8: the exhibits' bytes are those that were received, and every other file is the one that was exported.
import { Fault } from "./fault.js";
import { canonical, isCount, isDigest, isList, isMoment, isText, optional, record } from "./json.js";
import { bagInfo } from "./zip.js";

const ITEM_FILE = /^data\/items\/([0-9]{5,9})\/(item\.json|original\.[a-z0-9]{1,8}|derived\/.+)$/;
const RECORDED = ["channel", "delivered_at", "media_type", "received_at", "sha256", "sha512", "size_bytes"];
const UNBOUND = /^(custody\/(entries|proofs)\.jsonl|checkpoints\/.+|tagmanifest-sha(256|512)\.txt|data\/authenticity\/.+)$/;

/** Every exhibit has one item with the very bytes that the ledger recorded; no item is without an exhibit. Returns the
 * items whose originals the export withholds, each with its reason. */
export async function checkItems(bag, streams) {
  const seen = new Set();
  const withheld = [];
  for (const [folder, files] of itemFolders(bag)) {
    const item = await readItem(bag, folder, files);
    const label = `exhibit:${item.exhibit_id}`;
    if (!streams.exhibits.has(label) || seen.has(label)) {
      throw new Fault(7, folder, `it is an item of ${label}, which the case lacks or which has an item already`);
    }
    seen.add(label);
    checkAgainstLedger(folder, item, streams.exhibits.get(label));
    if (item.original === null) {
      withheld.push(`${folder} (${item.reference || label}): ${item.withheld}`);
      continue;
    }
    const name = `${folder}/${item.original}`;
    const actual = bag.members.get(name);
    if (actual.sha256 !== item.sha256 || actual.sha512 !== item.sha512 || actual.size !== item.size_bytes) {
      throw new Fault(7, name, "its bytes are not those that the ledger recorded on receipt");
    }
  }
  for (const label of streams.exhibits.keys()) {
    if (!seen.has(label)) throw new Fault(7, label, "its item is missing from the package");
  }
  return withheld;
}

function* itemFolders(bag) {
  // All folders have as many digits as the last number needs, and at least five.
  let [folder, number, digits, files] = ["", 0, 5, new Set()];
  for (const name of bag.members.keys()) {
    if (!name.startsWith("data/items/")) continue;
    const form = ITEM_FILE.exec(name);
    if (!form) throw new Fault(7, name, "a file that no item has");
    if (!folder || !name.startsWith(`${folder}/`)) {
      if (folder) yield [folder, files];
      [folder, number, files] = [`data/items/${form[1]}`, number + 1, new Set()];
      if (number === 1) digits = form[1].length;
      const due = String(number).padStart(digits, "0");
      if (form[1] !== due) throw new Fault(7, folder, `item ${due} is missing before it`);
    }
    files.add(form[2]);
  }
  if (digits !== Math.max(5, String(number).length)) {
    throw new Fault(7, folder, `${number} items are numbered with ${digits} digits`);
  }
  if (folder) yield [folder, files];
}

async function readItem(bag, folder, files) {
  const name = `${folder}/item.json`;
  const raw = await bag.text(7, name);
  if (raw.at(-1) !== 10) throw new Fault(7, name, "it is not one line of JSON");
  const item = record(7, name, canonical(7, name, raw.subarray(0, -1)), {
    channel: isText, delivered_at: optional(isMoment), derived: isList, exhibit_id: isText, media_type: isText,
    original: optional(isText), received_at: isMoment, reference: optional(isText), sha256: isDigest, sha512: isText,
    size_bytes: isCount, withheld: optional(isText),
  });
  const stated = new Set(["item.json", ...(item.original ? [item.original] : [])]);
  for (const derived of item.derived) {
    const { path, sha256 } = record(7, name, derived, { maker: isText, path: isText, sha256: isDigest });
    if (files.has(path) && bag.members.get(`${folder}/${path}`).sha256 !== sha256) {
      throw new Fault(7, `${folder}/${path}`, "it is not the file that its item.json names");
    }
    stated.add(path);
  }
  const isAll = stated.size === files.size && [...stated].every((path) => files.has(path));
  if (!isAll || (item.original === null) === (item.withheld === null)) {
    throw new Fault(7, folder, "its files are not those that its item.json names");
  }
  return item;
}

function checkAgainstLedger(folder, item, exhibit) {
  if (item.reference !== exhibit.reference) {
    throw new Fault(7, folder, `the ledger knows it as ${quoted(exhibit.reference)}, its item.json as another`);
  }
  if (!exhibit.archived) {
    if (item.original !== null) throw new Fault(7, folder, `no entry of ${exhibit.label} in the package records its bytes`);
    return;
  }
  for (const name of RECORDED) {
    if (item[name] !== (exhibit.archived[name] ?? null)) {
      throw new Fault(7, `${folder}/item.json`, `its ${name} is not what the ledger recorded on receipt`);
    }
  }
}

const quoted = (value) => (value === null ? "None" : `'${value}'`);

/** The export's entry names the digest of every file that is no proof; items are listed in the bound manifests. */
export async function checkBinding(bag, exported) {
  const files = new Map(Object.entries(exported.files));
  const bound = [...bag.members.keys()].filter((name) => !name.startsWith("data/items/") && !UNBOUND.test(name));
  for (const name of files.keys()) {
    if (!bound.includes(name)) throw new Fault(8, name, "it was exported, and is missing");
  }
  // What follows from the contents comes last, so that the file that was changed is named first.
  const rank = (name) => (name === "bag-info.txt" ? 2 : name.startsWith("manifest-") ? 1 : 0);
  for (const name of [...bound].sort((one, other) => rank(one) - rank(other))) {
    if (files.get(name) !== bag.members.get(name).sha256) {
      const listed = name.startsWith("manifest-") ? ": a file that it lists was changed, added or removed" : "";
      throw new Fault(8, name, `it is not the file that was exported${listed}`);
    }
  }
  if (!(await bagInfo(bag)).includes(`External-Identifier: ${exported.package_id}`)) {
    throw new Fault(8, "bag-info.txt", "it names another package than the export");
  }
  return `${bound.length} files are bound by the export of package ${exported.package_id}`;
}
