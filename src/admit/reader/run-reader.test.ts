import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { distInfo, writeZip } from '../testing/wheel.ts';
import { readerCommand } from './reader-command.ts';
import { readInOwnProcess } from './run-reader.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reader-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('readInOwnProcess', () => {
  it('gives facts and contents of a wheel below a folder that only its owner may enter', async () => {
    const secret = join(folder, 'secret');
    await mkdir(secret, { mode: 0o700 });
    const wheel = join(secret, 'wheel');
    await writeZip(wheel, [{ name: 'curd.py', content: 'x = 1\n' }, ...distInfo()]);
    const content = join(folder, 'content');
    const result = await readInOwnProcess(wheel, content, new AbortController().signal);
    if ('refused' in result) throw new Error(result.refused.detail);
    expect(result.facts.files.map(({ name }) => name)).toContain('curd.py');
    expect(await readdir(content)).toHaveLength(result.facts.files.length);
    const [first] = result.contents;
    expect(await readFile(first?.path ?? '', 'utf8')).toBe('x = 1\n');
    expect(first).toMatchObject({ bytes: 6 });
  });

  it('names the rule when the archive is none', async () => {
    const result = await readInOwnProcess(
      fileURLToPath(import.meta.url),
      join(folder, 'content'),
      new AbortController().signal,
    );
    expect(result).toMatchObject({ refused: { rule: 'archive' } });
  });

  it('stops at once when it is cancelled', async () => {
    const reading = readInOwnProcess(fileURLToPath(import.meta.url), join(folder, 'content'), AbortSignal.abort());
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('the reading process', () => {
  /** Runs a program of ours in place of the reader and gives what it printed. */
  async function inJail(program: string): Promise<string> {
    const [command = '', ...args] = await readerCommand(fileURLToPath(import.meta.url));
    const main = args.findIndex((arg) => arg.endsWith('/main.ts'));
    const { stdout } = await execa(command, [...args.slice(0, main), '--input-type=module', '--eval', program], {
      env: { PATH: process.env['PATH'] ?? '' },
      extendEnv: false,
    });
    return stdout;
  }

  it('cannot write, start anything, or read what is not Rennet or the wheel', async () => {
    const escape = JSON.stringify(join(tmpdir(), 'reader-escape'));
    const actions = [
      `fs.writeFileSync(${escape}, 'x')`,
      `fs.symlinkSync('/etc/passwd', ${escape})`,
      `fs.readFileSync('/etc/passwd')`,
      `spawnSync('/bin/true')`,
      `new Worker('0', { eval: true })`,
    ];
    const tries = actions.map(
      (action) => `try { ${action}; console.log('done'); } catch (error) { console.log(error.code); }`,
    );
    const imports = [
      `import fs from 'node:fs';`,
      `import { spawnSync } from 'node:child_process';`,
      `import { Worker } from 'node:worker_threads';`,
    ];
    const said = await inJail([...imports, ...tries].join('\n'));
    expect(said.split('\n')).toEqual(actions.map(() => 'ERR_ACCESS_DENIED'));
  });

  it('has no right of root left but to read, and no way to get one', async () => {
    const status = await readFile('/proc/self/status', 'utf8');
    const [command = '', ...args] = await readerCommand('/proc/self/status');
    const engine = args.indexOf(process.execPath);
    const { stdout } = await execa(command, [...args.slice(0, engine), 'cat', '/proc/self/status']);
    const field = (text: string, name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(text)?.[1];
    const isRoot = process.getuid?.() === 0;
    expect(field(stdout, 'Uid')).toBe(isRoot ? '65534' : field(status, 'Uid'));
    // Bit 2 is CAP_DAC_READ_SEARCH.
    expect(field(stdout, 'CapEff')).toBe(isRoot ? '0000000000000004' : '0000000000000000');
    expect(field(stdout, 'NoNewPrivs')).toBe('1');
  });
});
