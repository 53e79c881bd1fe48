// The page: takes files from the reader, runs the plan, and says in plain words what came of it.
import { Fault, TITLES, Unreadable } from "./fault.js";
import { verify } from "./plan.js";

const PLAIN = {
  1: "The file has the one form a package may have; nothing is hidden in it.",
  2: "Every file in it is listed with its digests, and nothing else is there.",
  3: "The log's statements of its own size and content are signed as your policy asks.",
  4: "Each of those statements only adds to the one before: history was not rewritten between them.",
  5: "Every entry of the custody log in the package is in that log, word for word.",
  6: "The entries of the case, and of each item, are all there, without a gap, up to this export.",
  7: "The items are, byte for byte, what the log says was received.",
  8: "Every other file is the one that was exported.",
  9: "Timestamp authorities vouch for the time, as far as stated here.",
};
const element = (id) => document.getElementById(id);

async function bytesOf(input) {
  return Promise.all([...input.files].map(async (file) => new Uint8Array(await file.arrayBuffer())));
}

async function given() {
  const [policy = null] = await bytesOf(element("policy"));
  const [tsaRoots = null] = await bytesOf(element("roots"));
  const earlier = await bytesOf(element("earlier"));
  return { policy, tsaRoots, earlier, requireTimestamps: Number(element("required").value) || 0 };
}

function add(parent, tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = shown(text);
  made.className = className;
  parent.append(made);
  return made;
}

/** Whatever a hostile package put into a name is shown as it is: no control and no invisible character. */
function shown(text) {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`);
}

function list(result, heading, items) {
  add(result, "h3", heading);
  const made = add(result, "ul", "");
  for (const item of items) add(made, "li", item);
}

function showVerdict(result, verdict) {
  const isVerified = verdict.state === "verified";
  result.className = isVerified ? "good" : "partly";
  add(result, "h2", isVerified ? "Verified" : "Consistent, but not verified");
  const { facts } = verdict;
  const named = facts.case_reference ?? facts.case;
  add(result, "p", `Package ${facts.package_id} (${facts.edition} edition) of case ${named}, exported ${facts.exported_at}.`);
  add(result, "h3", "What was checked");
  const steps = add(result, "ol", "");
  for (const { number, found } of verdict.steps) {
    const step = add(steps, "li", PLAIN[number]);
    add(step, "span", found, "detail");
  }
  list(result, "What was not checked", verdict.not_checked);
  add(result, "h3", "What this means");
  add(result, "p", verdict.meaning);
}

function showFault(result, error) {
  const isFault = error instanceof Fault;
  result.className = "bad";
  add(result, "h2", isFault ? "Not verified" : "Cannot be read");
  if (isFault) {
    add(result, "p", `Something is wrong at step ${error.step} of 9 (${TITLES[error.step]}).`);
    const place = add(result, "dl", "");
    for (const [term, text] of [["Where", error.item], ["What", error.reason]]) {
      add(place, "dt", term);
      add(place, "dd", text);
    }
    add(result, "p", "Checking stopped here: what comes after this was not looked at. Do not rely on this package.");
  } else {
    add(result, "p", `${error.item}: ${error.reason}`);
  }
}

function known(error) {
  return error instanceof Fault || error instanceof Unreadable ? error : new Unreadable("This page", String(error));
}

async function run(event) {
  event.preventDefault();
  const [file] = element("package").files;
  const [result, progress, button] = [element("result"), element("progress"), element("verify")];
  if (!file) {
    element("package").focus();
    return;
  }
  result.replaceChildren();
  result.className = "";
  button.disabled = true;
  progress.hidden = false;
  progress.value = 0;
  try {
    const verdict = await verify(file, await given(), (done, total) => {
      progress.value = total ? done / total : 1;
    });
    showVerdict(result, verdict);
  } catch (error) {
    showFault(result, known(error));
  } finally {
    progress.hidden = true;
    button.disabled = false;
    result.focus();
  }
}

element("form").addEventListener("submit", run);
element("verify").disabled = false;

// For programs and tests: the same plan on bytes or files, answering as verify.py --json does.
globalThis.holdfastVerify = async (blob, options) => {
  try {
    return await verify(blob, options);
  } catch (error) {
    const { step = null, item, reason } = known(error);
    return { state: step === null ? "unreadable" : "not verified", step, item, reason };
  }
};
