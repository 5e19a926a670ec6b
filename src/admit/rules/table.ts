import { CONTENT_RULES } from './content-rules.ts';
import { NAME_RULES } from './name-rules.ts';
import type { Rule } from './rule.ts';
import { SCRIPT_RULES } from './script-rules.ts';
import { TREE_RULES } from './tree-rules.ts';
import { WHEEL_RULES } from './wheel-rules.ts';

/** Rules that the reading process applies before anything else may look. */
const READING_RULES: readonly Rule[] = [
  {
    name: 'archive',
    verdict: 'reject',
    why: 'an archive with links, devices, duplicates, absolute paths or contradictions is read differently by different readers',
  },
  { name: 'too-many-files', verdict: 'reject', why: 'more than 50,000 files are no package for a system' },
  { name: 'too-large', verdict: 'reject', why: 'more than 4 GiB of content are no package for a system' },
  {
    name: 'dist-info',
    verdict: 'reject',
    why: 'a wheel has exactly one .dist-info folder with METADATA and WHEEL (PEP 427)',
  },
  { name: 'metadata', verdict: 'reject', why: 'metadata that cannot be read cannot be checked' },
  {
    name: 'reading-limit',
    verdict: 'reject',
    why: 'an archive that cannot be read within time and memory is made to exhaust them',
  },
];

/** What the map from wheel paths to package paths decides. */
const PLACE_RULES: readonly Rule[] = [
  {
    name: 'dist-info-extra',
    verdict: 'drop',
    why: "an installer's own book-keeping; dpkg's lists take the place of RECORD",
  },
  { name: 'headers', verdict: 'drop', why: 'headers would go to a folder that all packages share' },
  { name: 'data-key', verdict: 'reject', why: 'an unknown part of .data has no agreed place (PEP 427)' },
  {
    name: 'data-place',
    verdict: 'drop',
    why: "a package writes only into its own folders; /etc and services are the administrator's",
  },
];

/** Every rule of admission by name; docs/admission-rules.md is this table for people. */
export const RULES: ReadonlyMap<string, Rule> = new Map(
  [
    ...READING_RULES,
    ...WHEEL_RULES,
    ...PLACE_RULES,
    ...NAME_RULES,
    ...CONTENT_RULES,
    ...SCRIPT_RULES,
    ...TREE_RULES,
  ].map((rule) => [rule.name, rule]),
);
