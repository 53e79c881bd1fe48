// Officers' pages work without this file; it adds the parts that need a script.
import { initAll } from "govuk-frontend";
import { Alert } from "@ministryofjustice/frontend/moj/components/alert/alert.mjs";
import { ButtonMenu } from "@ministryofjustice/frontend/moj/components/button-menu/button-menu.mjs";
import { FilterToggleButton } from "@ministryofjustice/frontend/moj/components/filter-toggle-button/filter-toggle-button.mjs";
import { startProgress } from "./progress.js";

const each = (name, start) => document.querySelectorAll(`[data-module="${name}"]`).forEach(start);

initAll();
each("moj-alert", (element) => new Alert(element));
each("moj-button-menu", (element) => new ButtonMenu(element));
each("moj-filter", (element) => {
  new FilterToggleButton(element, {
    bigModeMediaQuery: "(min-width: 48.0625em)",
    // The component hides itself on a small screen; hiding at start as well would leave it closed on a large one.
    startHidden: false,
    toggleButton: { showText: "Show filter", hideText: "Hide filter", classes: "govuk-button--secondary" },
    toggleButtonContainer: { selector: ".moj-action-bar__filter" },
    closeButton: { text: "Close", classes: "moj-filter__close" },
    closeButtonContainer: { selector: ".moj-filter__header-action" },
  });
});
each("holdfast-progress", startProgress);
