import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const LICENCE_FILE = /^(licen[cs]e|copying|notice|copyrightnotice)/i;

const PackageJson = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string(),
  author: z.union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)]).optional(),
});

/** Packages that hold others, whose texts did not come along. */
const HOLDS: Readonly<Record<string, string>> = {
  "@graphql-yoga/render-graphiql":
    "It holds GraphiQL and its parts, among them React, Monaco Editor, GraphQL.js and Radix UI, which are under the MIT License as well.",
  "@prisma/client":
    "Its query compiler is Prisma's engine compiled to WebAssembly, which is under the Apache License 2.0 as well.",
};

const MIT = (holder: string) => `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/**
 * The licences of all packages that these files belong to, as one text.
 * @throws Error for a package without a licence's text, unless it is the MIT License, which then is given by its author's name.
 */
export async function thirdPartyLicences(files: readonly string[]): Promise<string> {
  const folders = new Set(files.filter((file) => file.includes("node_modules")).map(folderOf));
  const packages = await Promise.all([...folders].map(licenceOf));
  const parts = packages.sort((a, b) => a.title.localeCompare(b.title)).map(({ title, text }) => `${title}\n\n${text}`);
  const rule = `\n\n${"-".repeat(80)}\n\n`;
  return `Docket's package holds code of these packages, under these licences.${rule}${[...new Set(parts)].join(rule)}\n`;
}

function folderOf(file: string): string {
  const [folder] = /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file.replaceAll("\\", "/")) ?? [];
  if (folder === undefined) throw new Error(`${file} belongs to no package.`);
  return folder;
}

async function licenceOf(folder: string): Promise<{ title: string; text: string }> {
  const json = PackageJson.parse(JSON.parse(await readFile(join(folder, "package.json"), "utf8")));
  const { name, version, license, author } = json;
  const names = (await readdir(folder)).filter((file) => LICENCE_FILE.test(file)).sort();
  const texts = await Promise.all(names.map(async (file) => (await readFile(join(folder, file), "utf8")).trim()));
  if (texts.length === 0) {
    if (license !== "MIT") throw new Error(`${name} comes without the text of its licence, ${license}.`);
    texts.push(MIT(author ?? `the authors of ${name}`));
  }
  const remark = HOLDS[name];
  return { title: `${name} ${version} (${license})`, text: [...(remark ? [remark] : []), ...texts].join("\n\n") };
}
