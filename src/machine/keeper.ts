import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { lstat, mkdir } from 'node:fs/promises';
import { type Socket, createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import { lockFile } from '../host/lock.ts';
import { createLineCutter } from './lines.ts';
import { ensureMemoryFolder, findMemoryFolder } from '../host/memory.ts';

const PROGRAM = fileURLToPath(new URL('qemu/keeper.py', import.meta.url));
const PROTOCOL = 3;
const START_MS = 10_000;
/** A list of all memories with their notes: some KiB each. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const DEFAULT_IDLE_SECONDS = 1800;
/** All memories each time, while nobody asks for anything: half a second of work for a template of 430 MiB. */
const DEFAULT_REHASH_SECONDS = 600;

const memory = z.object({
  name: z.string(),
  /** Descriptor number in the keeper. */
  fd: z.int(),
  inode: z.int(),
  bytes: z.int(),
  usedBytes: z.int(),
  sealed: z.boolean(),
  note: z.unknown(),
  /** When its bytes were last found to be those that were sealed, seconds since 1970. */
  verifiedAt: z.number().nullable(),
});
/** A memory that the keeper holds. */
export type KeptMemory = z.infer<typeof memory>;

/**
 * A lease on the keeper: the process that outlives this one and holds templates; it ends some time after its last lease.
 * Every method rejects with RennetError `template-failed` when the keeper is gone.
 */
export interface Keeper {
  readonly pid: number;
  /** A new, empty memory; dropped when this lease ends before it is sealed. undefined when the name is taken. */
  createMemory(name: string, bytes: number): Promise<KeptMemory | undefined>;
  findMemory(name: string): Promise<KeptMemory | undefined>;
  listMemories(): Promise<readonly KeptMemory[]>;
  /**
   * Makes it unwritable for good; no writable mapping may be left. `note` is given back by `findMemory`. The keeper hashes it again from
   * time to time, and drops it with all of the same name up to the last dot where it is not `sha256` any more. `on trial`: dropped when this
   * lease ends before it is switched.
   */
  sealMemory(name: string, note: unknown, sha256: string, how?: 'on trial'): Promise<KeptMemory>;
  /** Renames sealed memories, all in one step; those that had the new names are dropped. */
  switchMemories(names: readonly (readonly [from: string, to: string])[]): Promise<void>;
  dropMemory(name: string): Promise<void>;
  /** sha256 of its content, the same for the memory and for its file. */
  digestMemory(name: string): Promise<string>;
  /** Writes it to a new file without its holes; gives the digest. */
  saveMemory(name: string, path: string): Promise<string>;
  /** Fills an unsealed memory from such a file; gives the digest. */
  loadMemory(name: string, path: string): Promise<string>;
  /** Opens it in this process: a description of its own at offset 0, which the caller closes. */
  open(kept: KeptMemory, flags: 'r' | 'r+'): number;
  /** A command to run once when the keeper ends, such as the private database's stop. */
  registerIdleStop(command: readonly string[]): Promise<void>;
  /** Ends the keeper at once, idle stops included. */
  stop(): Promise<void>;
  /** Ends the lease. */
  close(): void;
}

/** Takes a lease, starting the keeper where none runs. RennetError `template-failed`, `state-unwritable`, `cancelled`. */
export async function openKeeper(
  state: StateFolder,
  signal: AbortSignal,
  idleSeconds = Number(process.env['RENNET_KEEPER_IDLE_SECONDS'] ?? DEFAULT_IDLE_SECONDS),
  rehashSeconds = DEFAULT_REHASH_SECONDS,
): Promise<Keeper> {
  const running = await findKeeper(state);
  if (running !== undefined) return running;
  await ensureMemoryFolder(state);
  const lock = await lockFile(join(state.run, 'keeper.lock'), signal);
  try {
    return (await findKeeper(state)) ?? (await startKeeper(state, [idleSeconds, rehashSeconds], signal));
  } finally {
    await lock.release();
  }
}

/** A lease on the keeper that runs; undefined when none does. RennetError `state-unwritable` where another user lies in wait for us. */
export async function findKeeper(state: StateFolder): Promise<Keeper | undefined> {
  // In the memory folder, not in `run`: the name of a socket has 107 bytes at most.
  const path = join(state.memory, 'keeper.sock');
  // In a folder that only we can change, what we have looked at is what we connect to.
  if (!(await findMemoryFolder(state)) || !(await isOwnSocket(path))) return undefined;
  const socket = await connect(path);
  if (socket === undefined) return undefined;
  const ask = talk(socket);
  try {
    const hello = z.object({ protocol: z.int(), pid: z.int() }).parse(await ask('hello'));
    if (hello.protocol === PROTOCOL) return keeper(hello.pid, ask, socket);
    // Of another version of rennet: its memories are of no use to us, nor ours to it.
    await ask('stop');
  } catch {
    // It was just ending.
  }
  socket.destroy();
  return undefined;
}

async function startKeeper(state: StateFolder, seconds: readonly number[], signal: AbortSignal): Promise<Keeper> {
  await mkdir(state.run, { recursive: true });
  const log = openSync(join(state.run, 'keeper.log'), 'a', 0o600);
  // A session of its own and a child of init: neither ^C nor the end of the terminal nor of this process reaches it.
  const program = ['/usr/bin/python3', '-I', '-S', PROGRAM, join(state.memory, 'keeper.sock'), ...seconds.map(String)];
  const child = spawn('setsid', ['--fork', ...program], { stdio: ['ignore', log, log], cwd: '/' });
  child.once('error', () => {});
  closeSync(log);
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline) {
    if (signal.aborted) throw new RennetError('cancelled', 'Starting the keeper of templates was stopped.');
    const running = await findKeeper(state);
    if (running !== undefined) return running;
    await sleep(10);
  }
  throw new RennetError(
    'template-failed',
    'The keeper of templates does not start.',
    `See ${join(state.run, 'keeper.log')}.`,
  );
}

type Ask = (op: string, request?: Record<string, unknown>) => Promise<unknown>;

function keeper(pid: number, ask: Ask, socket: Socket): Keeper {
  const digest = z.object({ sha256: z.string() });
  return {
    pid,
    async createMemory(name, bytes) {
      const made = await ask('create', { name, bytes });
      return made === undefined ? undefined : memory.parse(made);
    },
    async findMemory(name) {
      const { found } = z.object({ found: memory.nullable() }).parse(await ask('find', { name }));
      return found ?? undefined;
    },
    async listMemories() {
      return z.object({ memories: z.array(memory) }).parse(await ask('list')).memories;
    },
    async sealMemory(name, note, sha256, how) {
      return memory.parse(await ask('seal', { name, note, sha256, onTrial: how === 'on trial' }));
    },
    async switchMemories(names) {
      await ask('switch', { names });
    },
    async dropMemory(name) {
      await ask('drop', { name });
    },
    async digestMemory(name) {
      return digest.parse(await ask('digest', { name })).sha256;
    },
    async saveMemory(name, path) {
      return digest.parse(await ask('save', { name, path })).sha256;
    },
    async loadMemory(name, path) {
      return digest.parse(await ask('load', { name, path })).sha256;
    },
    open: (kept, flags) => openKept(`/proc/${pid}/fd/${kept.fd}`, kept, flags),
    async registerIdleStop(command) {
      await ask('idleStop', { command });
    },
    async stop() {
      const gone = new Promise((resolve) => socket.once('close', resolve));
      await ask('stop');
      // The answer made the lease harmless to the process's end; here that end must wait.
      socket.ref();
      await gone;
    },
    close: () => socket.destroy(),
  };
}

function openKept(path: string, kept: KeptMemory, flags: 'r' | 'r+'): number {
  let fd: number | undefined;
  try {
    fd = openSync(path, flags);
    // A keeper that is gone leaves its process id to others, a memory that was dropped its descriptor.
    const { size, ino } = fstatSync(fd);
    if (size === kept.bytes && ino === kept.inode) return fd;
  } catch (error) {
    throw new RennetError('template-failed', 'The memory of a template cannot be opened.', '', { cause: error });
  }
  closeSync(fd);
  throw new RennetError(
    'template-failed',
    'The keeper of templates has that memory no more.',
    'Run the command again.',
  );
}

/** Requests are answered in order. A name that is taken gives undefined. */
function talk(socket: Socket): Ask {
  const answer = z.union([
    z.object({ ok: z.unknown() }),
    z.object({ refused: z.string() }),
    z.object({ error: z.string() }),
  ]);
  const waiting: { resolve: (line: Uint8Array) => void; reject: (error: Error) => void }[] = [];
  const cutter = createLineCutter(MAX_ANSWER_BYTES);
  let gone: RennetError | undefined;
  socket.on('data', (chunk: Buffer) => {
    const { lines, tooLong } = cutter.push(chunk);
    for (const line of lines) waiting.shift()?.resolve(line);
    if (tooLong) socket.destroy();
    if (waiting.length === 0) socket.unref();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    gone = new RennetError('template-failed', 'The keeper of templates has ended.', 'Run the command again.');
    for (const { reject } of waiting.splice(0)) reject(gone);
  });
  return async (op, request = {}) => {
    if (gone !== undefined) throw gone;
    const line = await new Promise<Uint8Array>((resolve, reject) => {
      waiting.push({ resolve, reject });
      // An open lease alone must not keep this process alive.
      socket.ref();
      socket.write(`${JSON.stringify({ ...request, op })}\n`);
    });
    const said = answer.parse(JSON.parse(new TextDecoder().decode(line)));
    if ('error' in said) throw new RennetError('template-failed', `The keeper of templates failed: ${said.error}`);
    if (!('refused' in said)) return said.ok;
    if (said.refused === 'exists') return undefined;
    throw new RennetError(
      'template-failed',
      'The keeper of templates does not have that memory.',
      'Run the command again.',
    );
  };
}

async function isOwnSocket(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isSocket() === true && found.uid === process.geteuid?.();
}

function connect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}
