import { z } from 'zod';

const message = z.string().max(2000).default('');
const name = z.string().max(1000);

/** What a check guest reports; hostile, as everything from a guest. */
export const factsSchema = z.object({
  installed: z.boolean(),
  installMessage: message,
  imports: z.array(z.object({ module: z.string().max(300), ok: z.boolean(), message })).max(2000),
  metadata: z.object({
    found: z.boolean(),
    version: z.string().max(200).default(''),
    /** Projects that importlib.metadata does not find, with what asks for them. */
    unmet: z.array(name).max(1000),
    /** The versions of those that it finds. */
    versions: z.record(name, z.string().max(200)).default({}),
    /** Entry points of the package that it does not find. */
    lostEntryPoints: z.array(name).max(1000).default([]),
  }),
  /** Libraries that the loader does not find, with the file that asks for them. */
  libraries: z
    .array(z.object({ path: name, missing: name }))
    .max(1000)
    .default([]),
  scripts: z
    .array(z.object({ path: z.string().max(300), ok: z.boolean(), exit: z.number().int().nullable(), message }))
    .max(2000),
});
export type CheckFacts = z.infer<typeof factsSchema>;
