import { findPackageJSON } from "node:module";
import { dirname } from "node:path";

/** The folder of the package that this code belongs to, wherever in it the code lies: a clone's sources, or a bundle. */
export const PACKAGE_ROOT = dirname(findPackageJSON(import.meta.url) ?? "");
