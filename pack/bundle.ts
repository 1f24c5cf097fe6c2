import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { rolldown } from "rolldown";
import { PACKAGE_ROOT } from "../src/config/package-root.ts";
import { thirdPartyLicences } from "./licences.ts";

/** Prisma's query compiler as text: four thirds of its size, which every start would read and decode. */
const COMPILER_AS_TEXT = /query_compiler_\w+\.postgresql\.wasm-base64\.mjs$/;
const COMPILER = "query-compiler.wasm";

/** What is large and wanted seldom: a chunk of its own. */
const APART = /render-graphiql|query_compiler/;

/**
 * Makes the JavaScript of the package from the sources: all that `docket` runs, with the packages that it uses. The folder
 * is emptied first. Stack traces name the sources.
 * @throws Error when a part is missing, or a licence.
 */
export async function makeBundle(folder: string): Promise<void> {
  await using bundle = await rolldown({
    input: { docket: join(PACKAGE_ROOT, "cli", "docket.ts") },
    cwd: PACKAGE_ROOT,
    platform: "node",
    external: (id, importer = "") =>
      /^node:|^pg-native$/.test(id) ||
      // Who wants traces installs what these need.
      (id.startsWith("@opentelemetry/") && !isForeign(importer)),
    plugins: [
      {
        name: "query-compiler",
        load: {
          filter: { id: COMPILER_AS_TEXT },
          async handler(id) {
            const [, text = ""] = /wasm = "([^"]+)"/.exec(await readFile(id, "utf8")) ?? [];
            if (text === "") this.error(`${id} holds no query compiler.`);
            this.emitFile({ type: "asset", fileName: COMPILER, source: Buffer.from(text, "base64") });
            // Who imports it gives it to Buffer.from, which takes bytes as well.
            return `import { readFileSync } from "node:fs";
              export const wasm = readFileSync(new URL(${JSON.stringify(COMPILER)}, import.meta.url));`;
          },
        },
      },
    ],
    onLog: (_level, { message }) => {
      throw new Error(message);
    },
  });
  const { output } = await bundle.generate({
    dir: folder,
    format: "esm",
    chunkFileNames: ({ facadeModuleId: id, name }) =>
      `${id && !isForeign(id) ? nameOf(id) : name.replace(/~.*/, "")}-[hash].js`,
    // What is read faster; names stay, for stack traces.
    minify: { compress: false, mangle: false, codegen: true },
    sourcemap: true,
    sourcemapExcludeSources: true,
    sourcemapPathTransform: (source, map) => join("..", relative(PACKAGE_ROOT, resolve(dirname(map), source))),
    codeSplitting: {
      groups: [{ name: "vendor", entriesAware: true, test: (id) => isForeign(id) && !APART.test(id) }],
    },
  });
  const chunks = output.filter((file) => file.type === "chunk");
  // Maps of other people's code would be most of all maps.
  const unmapped = new Set(
    chunks.filter(({ moduleIds }) => moduleIds.every(isForeign)).map(({ fileName }) => fileName),
  );
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const files = output
    .filter(({ fileName }) => !unmapped.has(fileName.replace(/\.map$/, "")) || !fileName.endsWith(".map"))
    .map((file): [name: string, content: string | Uint8Array] => {
      if (file.type === "asset") return [file.fileName, file.source];
      return [file.fileName, unmapped.has(file.fileName) ? file.code.replace(/\/\/# sourceMapp.*\s*$/, "") : file.code];
    });
  files.push(["THIRD-PARTY-LICENCES.txt", await thirdPartyLicences(chunks.flatMap(({ moduleIds }) => moduleIds))]);
  await Promise.all(files.map(([name, content]) => writeFile(join(folder, name), content)));
}

/** Whether a module is of another package, or of the bundler itself. */
function isForeign(id: string): boolean {
  return /[\\/]node_modules[\\/]|^\0/.test(id);
}

/** Such as src-commands-start. */
const nameOf = (id: string) =>
  relative(PACKAGE_ROOT, id)
    .replace(/\.\w+$/, "")
    .replace(/[\\/]/g, "-");
