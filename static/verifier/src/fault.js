// The two ways in which a package does not pass.

export const TITLES = {
  1: "ZIP form",
  2: "Manifests",
  3: "Checkpoints",
  4: "Consistency",
  5: "Entries",
  6: "Streams",
  7: "Items",
  8: "Binding",
  9: "Timestamps",
};

/** The package is not what it should be: at this step, in this item, for this reason. */
export class Fault extends Error {
  constructor(step, item, reason) {
    super(`step ${step} (${TITLES[step]}), ${item}: ${reason}`);
    Object.assign(this, { step, item, reason });
  }
}

/** What was given cannot be read at all: not a ZIP, not a policy. */
export class Unreadable extends Error {
  constructor(item, reason) {
    super(`${item}: ${reason}`);
    Object.assign(this, { item, reason });
  }
}
