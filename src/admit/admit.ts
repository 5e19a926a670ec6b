import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import type { AdmittedFile, Evidence } from '../model/evidence.ts';
import type { AdmitPorts, Admission, AdmittedElf, PublishedNames } from './admission.ts';
import { importableModules, namesAbove, ownedModules } from './modules.ts';
import { placeFile } from './place.ts';
import { pythonBoundOf } from './python-bound.ts';
import { judge, type Kept, refusal, ruleOf } from './judge.ts';
import { readInOwnProcess } from './reader/run-reader.ts';
import { type RuleContext, SITE } from './rules/rule.ts';
import { takeOver } from './take-over.ts';

/**
 * Reads what a guest gave back, asks every rule of docs/admission-rules.md and gives the file tree of the package, or
 * the rule that stopped it. Never throws for anything that the wheel holds.
 * RennetError `cancelled`, `no-space`, `missing-tool`, `defect`. What lies below `ports.folder` stays for assembling.
 */
export async function admit(evidence: Evidence, ports: AdmitPorts, signal: AbortSignal): Promise<Admission> {
  const { recipe, wheelName } = evidence;
  const folder = await mkdtemp(join(ports.folder, 'admit-'));
  const read = await readInOwnProcess(evidence.wheel, join(folder, 'content'), signal);
  if ('refused' in read) return refusal({ recipe }, ruleOf(read.refused.rule), read.refused.detail, []);
  const { facts, contents } = read;
  const { sharedLibraries } = evidence.facts;
  const context = {
    recipe,
    wheelName,
    facts,
    sharedLibraries,
    official: ports.official,
    published: new Map<string, string>(),
  };
  const judged = judge({ ...context, published: await publishedByOthers(context, ports.published) });
  if ('admitted' in judged) return judged;

  const spooled = new Map(facts.files.map(({ name }, index) => [name, contents[index]]));
  const files: AdmittedFile[] = [];
  for (const kept of judged.kept) files.push(await takeOver(kept, spooled.get(kept.file.name), folder));
  files.push(await installerFile(facts.distInfo, folder));
  const elf = elfOf(judged.kept);
  return {
    admitted: true,
    files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    scripts: judged.kept.flatMap(({ launcher }) => launcher ?? []),
    programs: judged.kept.flatMap(({ kind, path }) => (kind === 'script' ? [path] : [])).toSorted(),
    modules: importableModules(judged.kept),
    ownedModules: ownedModules(judged.kept),
    metadata: facts.metadata,
    licences: facts.licences,
    hasElf: elf.length > 0,
    elf,
    pythonBound: pythonBoundOf(judged.kept, wheelName),
    sharedLibraries,
    ledger: judged.ledger,
  };
}

/** Asks the record of published modules before the rules run, so that the rules stay pure. */
async function publishedByOthers(context: RuleContext, published: PublishedNames): Promise<Map<string, string>> {
  const placed = context.facts.files.flatMap((file) => {
    const place = placeFile(file.name, context);
    return 'kind' in place ? [{ ...place, file }] : [];
  });
  const owners = new Map<string, string>();
  for (const name of new Set(ownedModules(placed).flatMap(namesAbove))) {
    const project = await published.moduleOwner(name);
    if (project !== undefined && project !== context.recipe.project) owners.set(name, project);
  }
  return owners;
}

/** PEP 376: pip leaves a distribution alone that another installer put there. */
async function installerFile(distInfo: string, folder: string): Promise<AdmittedFile> {
  const bytes = Buffer.from('debian\n');
  const content = join(folder, 'INSTALLER');
  await writeFile(content, bytes, { mode: 0o600 });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { path: `${SITE}${distInfo}/INSTALLER`, mode: 0o644, bytes: bytes.length, sha256, content };
}

function elfOf(kept: readonly Kept[]): AdmittedElf[] {
  return kept.flatMap(({ path, file: { elf } }) =>
    elf && !('malformed' in elf)
      ? [{ path, needed: elf.needed, ...(elf.soname === undefined ? {} : { soname: elf.soname }) }]
      : [],
  );
}
