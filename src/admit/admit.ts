import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import type { AdmittedFile, Evidence } from '../model/evidence.ts';
import type { AdmitPorts, Admission, AdmittedElf, PublishedNames, Refused } from './admission.ts';
import { claimsOf } from './claims.ts';
import { importableModules } from './modules.ts';
import { pythonBoundOf } from './python-bound.ts';
import { judge, type Judgement, type Kept, refusal, ruleOf } from './judge.ts';
import { readInOwnProcess } from './reader/run-reader.ts';
import type { Spooled } from './reader/spool.ts';
import { type RuleContext, SITE } from './rules/rule.ts';
import { takeOver } from './take-over.ts';
import type { WheelFacts } from './wheel-report.ts';

/**
 * Reads what a guest gave back, asks every rule of docs/admission-rules.md and gives the file tree of the package, or
 * the rule that stopped it. Never throws for anything that the wheel holds.
 * RennetError `cancelled`, `no-space`, `missing-tool`, `defect`. What lies below `ports.folder` stays for assembling.
 */
export async function admit(evidence: Evidence, ports: AdmitPorts, signal: AbortSignal): Promise<Admission> {
  const { recipe } = evidence;
  const folder = await mkdtemp(join(ports.folder, 'admit-'));
  const read = await readInOwnProcess(evidence.wheel, join(folder, 'content'), signal);
  if ('refused' in read) return refusal({ recipe }, ruleOf(read.refused.rule), read.refused.detail, []);
  return admitFacts(read, evidence, ports, folder);
}

/** The judgement on what was read, and the files of the package below `folder`. */
export async function admitFacts(
  { facts, contents }: { readonly facts: WheelFacts; readonly contents: readonly Spooled[] },
  evidence: Evidence,
  ports: Pick<AdmitPorts, 'official' | 'published'>,
  folder: string,
): Promise<Admission> {
  const { recipe, wheelName } = evidence;
  const { sharedLibraries } = evidence.facts;
  const context = { recipe, wheelName, facts, sharedLibraries, official: ports.official };
  const judged = await judgeTwice(context, ports.published);
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
    claims: claimsOf(judged.kept, recipe),
    metadata: facts.metadata,
    licences: facts.licences,
    hasElf: elf.length > 0,
    elf,
    pythonBound: pythonBoundOf(judged.kept, wheelName),
    sharedLibraries,
    ledger: judged.ledger,
  };
}

/**
 * What a wheel claims is known only once other rules have dropped what does not belong there; the record of what others have
 * published is asked then, between two judgements, so that the rules stay pure.
 */
async function judgeTwice(
  context: Omit<RuleContext, 'published' | 'shape'>,
  published: PublishedNames,
): Promise<Judgement | Refused> {
  const first = judge({ ...context, published: new Map() });
  if ('admitted' in first) return first;
  const owners = await published.otherOwners(claimsOf(first.kept, context.recipe), context.recipe.project);
  return owners.size === 0 ? first : judge({ ...context, published: owners });
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
