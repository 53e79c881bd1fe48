// The plan: nine numbered steps, each of which throws at the first fault and names the exact item (docs/package.md).
import { Clocks, moment } from "./clocks.js";
import { checkEntries, checkStreams, readAnchors, readStreams, readWithheld } from "./entries.js";
import { Fault, TITLES, Unreadable } from "./fault.js";
import { checkBinding, checkItems } from "./items.js";
import { checkCheckpoints, checkConsistency, Policy } from "./notes.js";
import { checkTimestamps } from "./tokens.js";
import { Bag, checkManifests, checkZipForm } from "./zip.js";

/**
 * Carry out the plan on one package.
 *
 * @param {Blob} blob The package.
 * @param {object} given What the reader brings: `policy` (bytes, or null to check everything but signatures),
 *   `earlier` (bytes of notes), `tsaRoots` (PEM, bytes, or null), `requireTimestamps` (a number).
 * @param {function(number, number): void} progress Told bytes read and in all.
 */
export async function verify(blob, { policy = null, earlier = [], tsaRoots = null, requireTimestamps = 0 }, progress = () => {}) {
  const given = { policy: policy && new Policy(policy), earlier, tsaRoots, requireTimestamps };
  const found = {};
  let run;
  try {
    run = await steps(new Bag(blob), found, given, progress);
  } catch (error) {
    if (error instanceof Fault || error instanceof Unreadable) throw error;
    if (error instanceof DOMException) throw new Unreadable("the file", "it cannot be read");
    // Fail closed: what no check foresaw is a fault of the package, not a crash.
    const reason = `it is malformed in a way that no check foresaw (${error.name}: ${error.message})`;
    throw new Fault(Object.keys(found).length + 1, "the package", reason);
  }
  return {
    state: policy ? "verified" : "consistent",
    steps: Object.keys(found).map((number) => ({ number: Number(number), title: TITLES[number], found: found[number] })),
    not_checked: [...notChecked(run)],
    meaning: meaning(run),
    facts: facts(run),
  };
}

async function steps(bag, found, given, progress) {
  found[1] = await checkZipForm(bag, progress);
  found[2] = await checkManifests(bag);
  const [checkpoints, signed] = await checkCheckpoints(bag, given.policy);
  found[3] = signed;
  found[4] = await checkConsistency(bag, checkpoints, given.policy, given.earlier);
  const newest = checkpoints.at(-1);
  // Steps 5 and 6 go hand in hand: each entry is proved, then followed in its stream, and forgotten.
  const [streams, anchors] = [await readStreams(bag), await readAnchors(bag, newest)];
  const clocks = new Clocks(checkpoints.map(({ size }) => size), anchors.map(({ index }) => index));
  const exported = await checkStreams(streams, checkEntries(bag, newest, await readWithheld(bag), clocks));
  found[5] = `${streams.entries} entries are in the ledger of ${newest.size}, each with its own payload`;
  found[6] = `${1 + streams.exhibits.size} streams, complete and unbroken up to this export`;
  const withheldItems = await checkItems(bag, streams);
  found[7] = `${streams.exhibits.size} items, each as the ledger recorded it on receipt`;
  found[8] = await checkBinding(bag, exported);
  const [stamps, stamped] = await checkTimestamps(bag, checkpoints, given, anchors, clocks);
  found[9] = stamped;
  return { given, checkpoints, newest, streams, exported, withheldItems, stamps };
}

function facts({ newest, exported, streams, stamps }) {
  return {
    package_id: exported.package_id,
    edition: exported.edition,
    case: streams.case.label,
    case_reference: streams.case.reference,
    snapshot_at: exported.snapshot_at,
    exported_at: exported.at,
    origin: newest.origin,
    ledger_size: newest.size,
    ledger_root: Array.from(newest.root, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    signed_by: newest.signedBy,
    witnesses: newest.witnesses,
    items: streams.exhibits.size,
    entries: streams.entries,
    tokens: stamps.authorities.length,
    timestamps: stamps.checked.map(({ size, authority, time }) => ({ checkpoint: size, authority, time: moment(time) })),
  };
}

function* notChecked({ given, newest, streams, withheldItems, stamps }) {
  if (!given.policy) {
    yield "Signatures: no policy was given. Whoever made this file could have made all of it.";
  } else if (!newest.witnesses.length) {
    yield "Witnesses: unwitnessed. None cosigned: who holds the log's key could show others another history, unless an " +
      "earlier checkpoint is in other hands.";
  }
  if (!given.earlier.length) {
    yield "Earlier checkpoints: none was given. Give those you hold from earlier packages.";
  }
  yield* stamps.notChecked;
  yield "Contents: no message was read. Renderings (timeline, readings) are those that were exported; whether they " +
    "render the originals well was not judged. E-mail signatures were not verified again.";
  if (streams.withheld) {
    yield `Payloads: those of ${streams.withheld} entries are withheld (custody/withheld.jsonl says why).`;
  }
  const untold = [...streams.exhibits.values()].filter(({ archived }) => !archived).length;
  if (untold) {
    yield `Receipts: those of ${untold} items are withheld; what their digests were is only what the export states.`;
  }
  for (const item of withheldItems) yield `Original withheld: ${item}`;
  if (streams.assignedLater) {
    yield `Later exhibits: ${streams.assignedLater} were assigned while the package was made; not in it.`;
  }
}

function meaning({ given, newest, streams, stamps }) {
  const held =
    `The ${streams.exhibits.size} items of this package are, byte for byte, those whose receipt the log ` +
    `${newest.origin} records, with every custody entry of the case and its items up to this export; ` +
    "none was altered, removed or added since";
  if (!given.policy) {
    return `Consistent, NOT verified. If the log is genuine: ${held}. Without a policy nothing says it is genuine.`;
  }
  let vouched = "";
  if (stamps.authorities.length) {
    const times = stamps.checked.filter(({ size }) => size === newest.size).map(({ time }) => time);
    vouched = ` All of it existed by ${moment(Math.max(...times))}, as ${stamps.authorities.join(" and ")} vouch.`;
  }
  return (
    `Verified. ${held} the checkpoint was signed by a key that your policy trusts.${vouched} It does not prove who ` +
    "wrote a message, when it was first sent, or that what it says is true."
  );
}
