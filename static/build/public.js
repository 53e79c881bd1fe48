// The public pages work without this file. It makes leaving quicker: one press, or Shift three times.
import { ExitThisPage, ErrorSummary, SkipLink, createAll } from "govuk-frontend";

// The kit's exit adds to the tab's history; ours takes this page's place in it, so that "back" does not return here.
class ReplacingExit extends ExitThisPage {
  exitPage() {
    document.body.classList.add("govuk-exit-this-page-hide-content");
    this.$overlay = document.createElement("div");
    this.$overlay.className = "govuk-exit-this-page-overlay";
    this.$overlay.setAttribute("role", "alert");
    this.$overlay.textContent = this.i18n.t("activated");
    document.body.appendChild(this.$overlay);
    document.title = this.i18n.t("activated");
    window.location.replace(this.$button.href);
  }
}

createAll(ReplacingExit);
createAll(ErrorSummary);
createAll(SkipLink);
