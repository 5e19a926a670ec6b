import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { RennetError } from '../../model/errors.ts';
import { createLineCutter } from '../lines.ts';

const message = z.union([
  z.object({ QMP: z.record(z.string(), z.unknown()) }),
  z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) }),
  z.object({ return: z.unknown(), id: z.int().optional() }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }), id: z.int().optional() }),
]);
export type QmpMessage = z.infer<typeof message>;

/** Longest line that QEMU may send; its longest answer to our commands has some hundred bytes. */
const MAX_LINE_BYTES = 1024 * 1024;
/** QEMU answers each of our commands at once. */
const ANSWER_MS = 30_000;

/** A talk with one QEMU over the machine protocol (docs/interop/qmp-spec.txt in QEMU's sources). */
export interface Qmp {
  /** Runs one command. RennetError `boot-failed` when QEMU refuses it, ends, is silent for half a minute, or says something that is not QMP. */
  execute(command: string, args?: Record<string, unknown>): Promise<unknown>;
}

/** Reads one line of QMP; undefined when it is not a message. A QEMU that its guest has taken over may send anything. Pure. */
export function parseQmpLine(line: Uint8Array): QmpMessage | undefined {
  try {
    const parsed = message.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line)));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** Opens the talk: waits for nothing; the greeting is answered by `qmp_capabilities` before the first command. */
export function openQmp(stream: Duplex): Qmp {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  const cutter = createLineCutter(MAX_LINE_BYTES);
  let next = 1;
  let ended: RennetError | undefined;

  const end = (sentence: string): void => {
    ended ??= new RennetError('boot-failed', sentence);
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  const hear = (line: Uint8Array): void => {
    const heard = parseQmpLine(line);
    if (heard === undefined) return end('QEMU sent a line that is not QMP.');
    if (!('return' in heard) && !('error' in heard)) return;
    const asked = heard.id === undefined ? undefined : waiting.get(heard.id);
    if (heard.id === undefined || asked === undefined) return;
    waiting.delete(heard.id);
    if ('error' in heard) asked.reject(new RennetError('boot-failed', `QEMU refused a command: ${heard.error.desc}`));
    else asked.resolve(heard.return);
  };
  stream.on('data', (chunk: Buffer) => {
    const { lines, tooLong } = cutter.push(chunk);
    lines.forEach(hear);
    if (tooLong) end('QEMU sent an endless line.');
  });
  for (const event of ['end', 'close', 'error']) stream.on(event, () => end('QEMU ended.'));

  const send = (command: string, args: Record<string, unknown>): Promise<unknown> => {
    if (ended !== undefined) return Promise.reject(ended);
    const id = next++;
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    stream.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    const timer = setTimeout(() => end(`QEMU does not answer to ${command}.`), ANSWER_MS).unref();
    return answer.promise.finally(() => clearTimeout(timer));
  };
  const ready = send('qmp_capabilities', {});
  ready.catch(() => {});
  return {
    async execute(command, args = {}) {
      await ready;
      return send(command, args);
    },
  };
}
