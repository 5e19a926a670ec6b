import { quoted } from '../model/text.ts';

/** What is wrong with a claim of another project, as the beginning of a sentence. */
export function clashDetail(claim: string, owner: string): string {
  return `the module ${quoted(claim)} belongs to, or takes the place of one of, the project ${owner}`;
}
