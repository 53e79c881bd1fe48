// Sends files piece by piece, so that a lost connection, a reload or a sleeping phone costs nothing that was sent.
// Without this file the form sends them whole. The phone keeps no trace: what is unfinished is asked of the server,
// by a digest of the file's name, size, date and ends, never kept in the browser's storage.
import { Upload } from "tus-js-client";

const PIECE_BYTES = 4 * 1024 * 1024;
const END_BYTES = 64 * 1024;
const RETRY_MILLISECONDS = [0, 1000, 2000, 5000, 10000, 20000, 30000, 60000, 60000, 60000, 60000, 60000];
const NOT_FOUND = 404;
const CONFLICT = 409;
const TOO_MANY = 429;

const form = document.querySelector("[data-upload]");
const words = document.querySelector("[data-upload-words]").dataset;
const input = form.querySelector("input[type=file]");
const list = form.querySelector("[data-upload-list]");
const sendButton = form.querySelector("[data-upload-send]");
const stopButton = form.querySelector("[data-upload-stop]");
const status = form.querySelector("[data-upload-status]");
const errors = document.querySelector("[data-upload-errors]");
const { place } = form.dataset;
const most = Number(form.dataset.most);

const rows = [];
let running = null;
let isStopped = false;

function hex(buffer) {
  return [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Which file it is, without its name leaving the phone for anywhere but us. Null where the browser has no digests.
async function fingerprint(file) {
  if (!window.crypto || !window.crypto.subtle) return null;
  const told = new TextEncoder().encode([file.name, file.type, file.size, file.lastModified].join("\n"));
  const ends = [file.slice(0, END_BYTES), file.slice(Math.max(0, file.size - END_BYTES))];
  const whole = await new Blob([told, ...ends]).arrayBuffer();
  return hex(await window.crypto.subtle.digest("SHA-256", whole));
}

async function unfinished(file, print) {
  if (!print) return null;
  try {
    const answer = await fetch(`${place}/unfinished`, { method: "POST", body: new URLSearchParams({ fingerprint: print, size: file.size }) });
    return answer.ok ? (await answer.json()).url : null;
  } catch {
    return null;
  }
}

function add(file) {
  const item = document.createElement("li");
  item.className = "hf-file";
  const name = document.createElement("p");
  name.className = "govuk-body govuk-!-font-weight-bold hf-address govuk-!-margin-bottom-1";
  name.textContent = file.name;
  const bar = document.createElement("progress");
  bar.className = "hf-progress";
  bar.max = 100;
  bar.value = 0;
  bar.setAttribute("aria-label", file.name);
  const note = document.createElement("p");
  note.className = "govuk-body-s govuk-!-margin-bottom-0";
  item.append(name, bar, note);
  list.append(item);
  const row = { file, item, bar, note, state: "waiting" };
  say(row, words.waiting);
  rows.push(row);
}

function say(row, text) {
  if (row.note.textContent !== text) row.note.textContent = text;
}

// Written only when it changes, or a screen reader repeats it.
function announce(text) {
  if (status.textContent !== text) status.textContent = text;
}

function showErrors(found) {
  const shown = errors.querySelector("ul");
  shown.replaceChildren();
  for (const text of found) {
    const link = document.createElement("a");
    link.href = "#files";
    link.textContent = text;
    const entry = document.createElement("li");
    entry.append(link);
    shown.append(entry);
  }
  errors.hidden = found.length === 0;
  const before = `${words.error} `;
  document.title = document.title.replace(before, "");
  if (found.length > 0) {
    document.title = before + document.title;
    errors.focus();
  }
}

function statusOf(error) {
  return error.originalResponse ? error.originalResponse.getStatus() : 0;
}

function reason(error) {
  const code = statusOf(error);
  if (code === NOT_FOUND) return words.gone;
  const body = error.originalResponse ? error.originalResponse.getBody() : "";
  const isPlain = error.originalResponse && (error.originalResponse.getHeader("Content-Type") || "").startsWith("text/plain");
  return isPlain && body.trim() ? body.trim() : words.failed;
}

async function send(row) {
  const { file } = row;
  row.state = "sending";
  say(row, words.sending);
  announce(words.sending);
  const print = await fingerprint(file);
  const known = await unfinished(file, print);
  const metadata = { filename: file.name, filetype: file.type };
  if (print) metadata.fingerprint = print;
  await new Promise((done) => {
    running = new Upload(file, {
      endpoint: `${place}/files`,
      uploadUrl: known,
      metadata,
      chunkSize: PIECE_BYTES,
      retryDelays: RETRY_MILLISECONDS,
      storeFingerprintForResuming: false,
      removeFingerprintOnSuccess: true,
      onShouldRetry(error) {
        const code = statusOf(error);
        const may = !isStopped && (code === 0 || code === CONFLICT || code >= 500);
        if (may) {
          say(row, words.lost);
          announce(words.lost);
        }
        return may;
      },
      onProgress(sent, size) {
        const percent = size ? Math.floor((100 * sent) / size) : 100;
        row.bar.value = percent;
        say(row, words.part.replace("{percent}", percent));
        announce(words.sending);
      },
      onError(error) {
        row.state = "failed";
        row.why = reason(error);
        row.wasLost = statusOf(error) === 0 || statusOf(error) >= 500;
        say(row, row.why);
        done();
      },
      onSuccess() {
        row.state = "sent";
        row.bar.value = 100;
        say(row, words.sent);
        done();
      },
    });
    row.stop = done;
    running.start();
  });
  running = null;
}

function show(isBusy) {
  sendButton.hidden = isBusy;
  stopButton.hidden = !isBusy;
  input.disabled = isBusy;
}

async function sendAll() {
  isStopped = false;
  const large = rows.filter((row) => row.file.size > most);
  const problems = large.map((row) => `${row.file.name}: ${words.large}`);
  if (rows.length === 0) problems.push(words.none);
  showErrors(problems);
  if (problems.length > 0) return;
  show(true);
  for (const row of rows) {
    if (!isStopped && row.state !== "sent") await send(row);
  }
  show(false);
  const failed = rows.filter((row) => row.state === "failed");
  if (isStopped) {
    announce(words.stopped);
  } else if (failed.length > 0) {
    announce("");
    showErrors(failed.map((row) => `${row.file.name}: ${row.why}`));
  } else {
    document.querySelector("[data-upload-done]").submit();
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  sendAll();
});

input.addEventListener("change", () => {
  // Files that are here stay on the list; the others are what is chosen now.
  for (const row of rows.filter((each) => each.state !== "sent")) {
    row.item.remove();
    rows.splice(rows.indexOf(row), 1);
  }
  for (const file of input.files) add(file);
  list.hidden = rows.length === 0;
  showErrors([]);
});

stopButton.addEventListener("click", () => {
  isStopped = true;
  const row = rows.find((each) => each.state === "sending");
  if (running) running.abort();
  if (row) {
    row.state = "waiting";
    say(row, words.stopped);
    row.stop();
  }
});

// The phone woke up, or the connection is back: go on without being asked.
window.addEventListener("online", () => {
  if (!running && !isStopped && rows.some((row) => row.state === "failed" && row.wasLost)) sendAll();
});
