import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { RennetError } from '../model/errors.ts';

/**
 * One thread always: with several, xz cuts the input into blocks, and how many depends on its version (docs/decisions/0002-deb-compression.md).
 * CRC32 is what dpkg-deb writes.
 */
const COMPRESS = ['--compress', '--stdout', '-6', '--threads=1', '--check=crc32'];
/** A preset 9 stream needs 65 MiB; more than 256 is a trick. */
const DECOMPRESS = ['--decompress', '--stdout', '--threads=1', '--memlimit-decompress=256MiB'];

type Bytes = Iterable<Buffer> | AsyncIterable<Buffer>;

/** Compresses a byte stream into a new file. Errors: `missing-tool`, `no-space`, and what `source` throws. */
export async function compressTo(source: Bytes, path: string, signal?: AbortSignal): Promise<void> {
  await using file = await open(path, 'w', 0o644);
  const child = spawn('xz', COMPRESS, { stdio: ['pipe', file.fd, 'pipe'], env: toolEnvironment() });
  await run(child, source, signal);
}

/** Compresses a small byte stream in memory. Errors: as compressTo. */
export async function compressToBuffer(source: Bytes, signal?: AbortSignal): Promise<Buffer> {
  const child = spawn('xz', COMPRESS, { stdio: ['pipe', 'pipe', 'pipe'], env: toolEnvironment() });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  await run(child, source, signal);
  return Buffer.concat(parts);
}

/** Decompresses a byte stream. Errors: `bad-archive` for anything that xz refuses; `missing-tool`. */
export async function* decompress(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const child = spawn('xz', DECOMPRESS, { stdio: ['pipe', 'pipe', 'pipe'], env: toolEnvironment() });
  const done = run(child, source).then(
    () => undefined,
    (error: unknown) =>
      new RennetError('bad-archive', 'The compressed part of the package is damaged.', '', { cause: error }),
  );
  try {
    for await (const part of child.stdout) yield part as Buffer;
    const failure = await done;
    if (failure) throw failure;
  } finally {
    child.kill('SIGKILL');
    await done;
  }
}

async function run(child: ChildProcess, source: Bytes, signal?: AbortSignal): Promise<void> {
  const ended = once(child, 'close');
  let complaint = '';
  child.stderr?.on('data', (part: Buffer) => (complaint = (complaint + part.toString()).slice(0, 400)));
  const fed = child.stdin ? pipeline(Readable.from(source), child.stdin, signal ? { signal } : {}) : Promise.resolve();
  const [feeding, ending] = await Promise.allSettled([
    fed.catch((error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    }),
    ended,
  ]);
  if (ending.status === 'rejected') throw missingTool(ending.reason);
  if (ending.value[0] !== 0 && complaint !== '') throw failed(complaint);
  if (feeding.status === 'rejected') throw feeding.reason;
  if (ending.value[0] !== 0) throw failed(`exit status ${String(ending.value[0])}`);
}

function failed(complaint: string): RennetError {
  if (/No space left|quota exceeded/i.test(complaint)) {
    return new RennetError('no-space', 'There is no space left to compress the package.', 'Free space and try again.');
  }
  return new RennetError('defect', `xz failed: ${complaint.trim()}`);
}

function missingTool(cause: unknown): RennetError {
  return new RennetError('missing-tool', 'The program xz could not be started.', 'apt-get install xz-utils', { cause });
}

/** XZ_OPT and XZ_DEFAULTS of the user would change the bytes. */
function toolEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' };
}
