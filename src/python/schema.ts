import { z } from 'zod';

/** `core-metadata` of PEP 714: false, true, or the hashes of the metadata file. */
const Announced = z.union([z.boolean(), z.record(z.string(), z.string())]);

const File = z.object({
  filename: z.string().max(1024),
  url: z.string().max(16_384),
  hashes: z.record(z.string(), z.string()).default({}),
  'requires-python': z.string().max(1024).nullish(),
  'core-metadata': Announced.nullish(),
  'dist-info-metadata': Announced.nullish(),
  'data-dist-info-metadata': Announced.nullish(),
  yanked: z.union([z.boolean(), z.string()]).default(false),
  size: z.number().int().nonnegative().nullish(),
  'upload-time': z.string().max(64).nullish(),
});

/** A project page of PEP 691 and its additions (PEP 700, 714), as far as Rennet reads it. */
export const ProjectPage = z.object({
  meta: z.object({ 'api-version': z.string() }),
  name: z.string(),
  files: z.array(File),
});

export type PageFile = z.infer<typeof File>;
