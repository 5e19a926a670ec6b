import { z } from 'zod';
import { plainText } from '../model/text.ts';

/** What the check step books with an attempt, as far as people are told of it. */
const reportSchema = z.object({
  comparedWith: z.string().optional(),
  notes: z.array(z.string()).default([]),
  passed: z.array(z.string()).default([]),
  imports: z.array(z.object({ module: z.string(), ok: z.boolean() })).default([]),
  scripts: z.array(z.object({ path: z.string(), ok: z.boolean() })).default([]),
});

/** Lines for people on the check of an attempt, from its evidence; none where it came to no check. */
export function explainCheck(evidence: Readonly<Record<string, unknown>>): string[] {
  const { data: report } = reportSchema.safeParse(evidence['check']);
  if (report === undefined) return [];
  const { comparedWith, passed, imports, scripts, notes } = report;
  const facts = [
    comparedWith === undefined ? 'compared with no wheel of upstream' : `compared with ${comparedWith}`,
    ...(imports.length > 0 ? [`${imports.filter(({ ok }) => ok).length} of ${imports.length} modules import`] : []),
    ...(scripts.length > 0 ? [`${scripts.filter(({ ok }) => ok).length} of ${scripts.length} commands start`] : []),
    ...(passed.length > 0 ? [`passed ${passed.length} checks`] : []),
  ];
  return [`check: ${facts.join(', ')}`, ...notes.map((note) => `note: ${note}`)].map((line) =>
    plainText(line).replaceAll('\n', ' ').slice(0, 500),
  );
}
