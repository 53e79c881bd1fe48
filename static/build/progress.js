// Asks how far a job is, and reloads the page when it is over. Without script the page says "reload this page".
//
// <div data-module="holdfast-progress" data-url="/…/status.json">
//   <progress class="hf-progress" max="100"></progress> <p role="status">…</p>
// </div>
// The answer: {"percent": 0…100 or null, "text": "…", "done": false}
const POLL_MILLISECONDS = 2000;

export function startProgress(root) {
  const bar = root.querySelector("progress");
  const status = root.querySelector("[role=status]");

  async function ask() {
    try {
      const answer = await fetch(root.dataset.url, { headers: { Accept: "application/json" } });
      if (answer.ok) {
        const { percent, text, done } = await answer.json();
        if (done) {
          window.location.reload();
          return;
        }
        if (bar && percent !== null) bar.value = percent;
        // Written only when it changes, or a screen reader repeats it every two seconds.
        if (status && status.textContent !== text) status.textContent = text;
      }
    } catch {
      // The network came and went: the next round asks again.
    }
    window.setTimeout(ask, POLL_MILLISECONDS);
  }

  window.setTimeout(ask, POLL_MILLISECONDS);
}
