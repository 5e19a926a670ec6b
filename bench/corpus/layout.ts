import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../src/host/files.ts';
import type { Target } from '../../src/model/target.ts';

/** What lies in the folder of one target, by project. */
export interface CaseFiles {
  /** JSON lines of `rennet build --json`. */
  readonly lines: string;
  /** What it said to people. */
  readonly said: string;
  /** Written last: what has none is run again. */
  readonly end: string;
  /** What pip made of the project. */
  readonly pip: string;
  /** The last part of what pip said. */
  readonly pipLog: string;
}

export function caseFiles(folder: string, project: string): CaseFiles {
  const of = (suffix: string) => join(folder, `${project}.${suffix}`);
  return { lines: of('jsonl'), said: of('err'), end: of('done'), pip: of('pip.json'), pipLog: of('pip.log') };
}

/** How one run of `rennet build` ended. */
export interface CaseEnd {
  /** Exit status; 124 where the bench's bound on time ended it, as timeout(1) says it. */
  readonly status: number;
  readonly wallSeconds: number;
  /** Commit of Rennet that ran; undefined where nobody wrote it down. */
  readonly commit?: string;
}

export const TIMED_OUT = 124;

/** `STATUS SECONDS [COMMIT]`, which a shell loop can write as well (bc leaves the zero before the point out). Undefined for other text. Pure. */
export function parseEnd(text: string): CaseEnd | undefined {
  const [, status, seconds, commit] = /^(\d{1,3}) (\d{0,7}\.?\d{0,12})(?: (\S{1,64}))?\s*$/.exec(text) ?? [];
  if (status === undefined || !/\d/.test(seconds ?? '')) return undefined;
  return { status: Number(status), wallSeconds: Number(seconds), ...(commit === undefined ? {} : { commit }) };
}

/** The end of a case, or undefined where it has not ended. */
export async function readEnd(files: CaseFiles): Promise<CaseEnd | undefined> {
  return parseEnd(await readFile(files.end, 'utf8').catch(() => ''));
}

/** Durable and whole, or not there. */
export async function writeEnd(files: CaseFiles, end: CaseEnd): Promise<void> {
  await replaceFile(files.end, `${end.status} ${end.wallSeconds.toFixed(3)} ${end.commit ?? ''}`.trimEnd() + '\n');
}

/** `bookworm-amd64`: as a folder and in names of figures. */
export function targetName({ suite, architecture }: Target): string {
  return `${suite}-${architecture}`;
}

/** The folder of a target's cases below OUT; OUT itself where it holds cases without such a folder, as a shell loop leaves them. */
export async function findTargetFolder(out: string, target: Target): Promise<string> {
  for (const name of [targetName(target), target.suite]) {
    const folder = join(out, name);
    const found = await stat(folder).catch(() => undefined);
    if (found?.isDirectory() === true) return folder;
  }
  return out;
}
