import { z } from 'zod';
import { MAX_FILES } from './limits.ts';

const text = z.string().max(1_000_000);
const short = z.string().max(5000);
const list = z.array(text).max(20_000).readonly();

const elfSchema = z.object({
  bits: z.union([z.literal(32), z.literal(64)]),
  littleEndian: z.boolean(),
  machine: z.number().int(),
  type: z.number().int(),
  executableStack: z.boolean(),
  interpreter: short.optional(),
  soname: short.optional(),
  needed: z.array(short).max(10_000),
  searchPath: z.array(short).max(100_000),
});

const fileSchema = z.object({
  /** Path in the archive; the reader let only relative UTF-8 paths without `..` through. */
  name: z.string().min(1).max(4096),
  /** Unix mode of the archive entry, 0 where it has none. */
  mode: z.number().int().min(0).max(0xffff),
  elf: z.union([elfSchema, z.object({ malformed: short })]).optional(),
  /** First line of a file that starts with `#!`. */
  shebang: z.string().max(600).optional(),
  /** Of an `__init__.py` that only declares a namespace, or does nothing; see namespace-init.ts. */
  init: z.enum(['namespace', 'nothing']).optional(),
  /** Whole text of a `.pth` file of the top level. */
  pth: z.string().max(70_000).optional(),
});

const metadataSchema = z.object({
  metadataVersion: short,
  name: short,
  version: short,
  summary: text.optional(),
  description: text.optional(),
  descriptionContentType: short.optional(),
  homePage: text.optional(),
  projectUrls: z
    .array(z.object({ label: text, url: text }))
    .max(1000)
    .readonly(),
  author: text.optional(),
  authorEmail: text.optional(),
  maintainer: text.optional(),
  maintainerEmail: text.optional(),
  license: text.optional(),
  licenseExpression: text.optional(),
  licenseFiles: list,
  classifiers: list,
  keywords: text.optional(),
  requiresPython: short.optional(),
  requiresDist: list,
  providesExtra: list,
  dynamic: list,
  fields: z
    .array(z.object({ name: short, value: short }))
    .max(20_000)
    .readonly(),
});

const wheelSchema = z.object({
  /** In the order in which their contents were sent. */
  files: z.array(fileSchema).max(MAX_FILES),
  /** Name of the one `.dist-info` folder. */
  distInfo: short,
  metadata: metadataSchema,
  /** `Wheel-Version` and `Tag` of the WHEEL file. */
  wheelVersion: short,
  /** Console and GUI scripts of entry_points.txt. */
  scripts: z.array(z.object({ name: short, module: short, attribute: short, extras: short.optional() })).max(20_000),
  /** Lines of the script groups that name no command or no callable, `line [group]`. */
  unfitScripts: list,
  /** All other entry points as written, `line [group]`. */
  plugins: list,
  /** Folders that `namespace_packages.txt` names, with slashes. */
  namespaces: z.array(short).max(1000),
  licences: z.array(z.object({ name: short, text })).max(50),
});

/** What the reading process found, or the archive rule that stopped it. Checked again by the parent: still hostile content. */
export const wheelReportSchema = z.union([
  wheelSchema,
  z.object({ refused: z.object({ rule: short, detail: short }) }),
]);
export type WheelReport = z.infer<typeof wheelReportSchema>;
export type WheelFacts = z.infer<typeof wheelSchema>;
export type WheelFile = z.infer<typeof fileSchema>;
