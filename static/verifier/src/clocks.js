// The archive's own times, held to the tokens of those who vouch for the time.
import { Fault } from "./fault.js";

const TOLERANCE_MS = 120_000;

/** How many of the ascending numbers are not above this one. */
function notAbove(numbers, number) {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= number) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const moment = (ms) => `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`;

/** Of the entries between two checkpoints, or two anchors, the extremes alone are kept. */
export class Clocks {
  constructor(sizes, anchors) {
    Object.assign(this, { sizes, anchors, latest: new Map(), earliest: new Map() });
  }

  /** Note the time of one entry; times of this form are ordered as they are written. */
  note(index, time) {
    const [coveredBy, after] = [notAbove(this.sizes, index), notAbove(this.anchors, index)];
    const latest = this.latest.get(coveredBy);
    if (!latest || time >= latest.time) this.latest.set(coveredBy, { time, index });
    const earliest = this.earliest.get(after);
    if (!earliest || time < earliest.time) this.earliest.set(after, { time, index });
  }

  /** No entry says it is later than a token over it, or earlier than a token whose digest stands before it. */
  check(stamps, anchors) {
    this.checkUpper([...stamps].sort((one, other) => other.size - one.size || other.time - one.time));
    const byDigest = new Map(stamps.map((stamp) => [stamp.sha256, stamp]));
    let bound = -Infinity;
    anchors.forEach((anchor, at) => {
      bound = Math.max(bound, byDigest.get(anchor.tokenSha256)?.time ?? -Infinity);
      const found = this.earliest.get(at + 1);
      if (found && !(timeOf(found) >= bound - TOLERANCE_MS)) {
        const reason = `it says ${found.time}, and comes after the record of a token of ${moment(bound)}`;
        throw new Fault(9, `entry ${found.index}`, reason);
      }
    });
  }

  checkUpper(stamps) {
    let bound = Infinity;
    for (const place of [...this.latest.keys()].sort((one, other) => other - one)) {
      while (stamps.length && stamps[0].size >= (this.sizes[place] ?? 0)) bound = Math.min(bound, stamps.shift().time);
      const found = this.latest.get(place);
      if (bound < Infinity && !(timeOf(found) <= bound + TOLERANCE_MS)) {
        const reason = `it says ${found.time}, and a token says that it was there at ${moment(bound)}`;
        throw new Fault(9, `entry ${found.index}`, reason);
      }
    }
  }
}

const timeOf = ({ time }) => Date.parse(time);
