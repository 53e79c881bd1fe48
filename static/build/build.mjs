// Compiles ../vendor/ from the locked packages and writes its manifest. See README.md in this folder.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import * as sass from "sass";

const here = dirname(fileURLToPath(import.meta.url));
const finished = join(here, "..", "vendor");
// Made beside it and put in its place at once: what is served is never half a build.
const vendor = join(here, "vendor.new");
// The upload page's script, with what is bundled into it.
const TUS = ["tus-js-client", "js-base64", "url-parse", "querystringify", "requires-port"];
const PACKAGES = ["govuk-frontend", "@ministryofjustice/frontend", ...TUS];
const MOJ_IMAGES = "node_modules/@ministryofjustice/frontend/moj/assets/images";
// Crowns, crests and logotypes may only be shown by those they belong to.
const NOT_OURS = /crest|crown|logotype|govuk|opengraph|moj-|wysiwyg/;

function compileStyles() {
  for (const [source, target] of [["officer.scss", "app.css"], ["public.scss", "public.css"]]) {
    const { css } = sass.compile(join(here, source), { loadPaths: [here], style: "compressed", logger: sass.Logger.silent });
    if (/GDS Transport|@font-face/.test(css)) throw new Error(`${target} names a font that is licensed to GOV.UK only`);
    if (/crest|crown/.test(css)) throw new Error(`${target} names a crest or crown`);
    writeFileSync(join(vendor, target), `${css}\n`);
  }
}

function bundleScripts() {
  esbuild.buildSync({
    absWorkingDir: here,
    entryPoints: { app: "officer.js", public: "public.js", upload: "upload.js" },
    outdir: vendor,
    bundle: true,
    minify: true,
    format: "iife",
    target: ["es2017"],
    legalComments: "none",
  });
}

function copyImages() {
  const images = join(vendor, "images");
  mkdirSync(images, { recursive: true });
  for (const name of readdirSync(join(here, MOJ_IMAGES))) {
    if (name.endsWith(".svg") && !NOT_OURS.test(name)) cpSync(join(here, MOJ_IMAGES, name), join(images, name));
  }
  cpSync(join(here, "own"), images, { recursive: true });
}

function copyLicences() {
  mkdirSync(join(vendor, "licences"), { recursive: true });
  cpSync(join(here, "licences"), join(vendor, "licences"), { recursive: true });
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();
}

function writeManifest() {
  const packages = {};
  for (const name of PACKAGES) {
    const { version, license } = JSON.parse(readFileSync(join(here, "node_modules", name, "package.json"), "utf8"));
    packages[name] = { version, licence: license };
  }
  const files = {};
  for (const path of filesBelow(vendor)) {
    const digest = createHash("sha256").update(readFileSync(path)).digest("hex");
    files[relative(vendor, path).split("\\").join("/")] = digest;
  }
  writeFileSync(join(vendor, "manifest.json"), `${JSON.stringify({ packages, files }, null, 2)}\n`);
}

rmSync(vendor, { recursive: true, force: true });
mkdirSync(vendor, { recursive: true });
compileStyles();
bundleScripts();
copyImages();
copyLicences();
writeManifest();
rmSync(finished, { recursive: true, force: true });
renameSync(vendor, finished);
