// Builds ../../archive/verify.html, one file, from src/ and the locked packages. See README.md in this folder.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const read = (...path) => readFileSync(join(here, ...path), "utf8");
const digest = (text, form) => createHash("sha256").update(text).digest(form);

/** The digest of everything the page is made of: the page names it, and a test compares. */
function sources() {
  const names = ["build.mjs", "package-lock.json", "package.json", ...readdirSync(join(here, "src")).map((name) => `src/${name}`)];
  return digest(names.sort().map((name) => `${digest(read(name), "hex")}  ${name}\n`).join(""), "hex");
}

function notices() {
  const names = ["@noble/ed25519", "@noble/hashes", "asn1js", "bytestreamjs", "pkijs"];
  const texts = names.map((name) => {
    const { version, license } = JSON.parse(read("node_modules", name, "package.json"));
    const file = readdirSync(join(here, "node_modules", name)).find((each) => /^licen[cs]e/i.test(each));
    return `${name} ${version} (${license})\n\n${read("node_modules", name, file).trim()}`;
  });
  return `/*\nThis page contains:\n\n${texts.join("\n\n---\n\n").replaceAll("*/", "* /")}\n*/\n`;
}

const bundle = esbuild.buildSync({
  absWorkingDir: here,
  entryPoints: ["src/page.js"],
  bundle: true,
  minify: true,
  charset: "ascii",
  format: "iife",
  target: ["chrome120", "firefox120", "safari17"],
  legalComments: "none",
  write: false,
});
// Nothing in the script may end the element it stands in.
const script = `${notices()}${bundle.outputFiles[0].text}`.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--")
  .replaceAll("\r", "");
const style = esbuild.transformSync(read("src/page.css"), { loader: "css", minify: true }).code.trim();
const policy = [
  "default-src 'none'",
  `script-src 'sha256-${digest(script, "base64")}'`,
  `style-src 'sha256-${digest(style, "base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
const values = { policy, sources: sources(), style, script };
const page = read("src/page.html").replace(/\{\{(\w+)\}\}/g, (_, name) => values[name]);
writeFileSync(join(here, "..", "..", "archive", "verify.html"), page);
