import { createColors } from 'picocolors';
import type { RennetError } from '../model/errors.ts';
import type { ProgressEvent } from '../model/progress.ts';
import { plainText } from '../model/text.ts';
import { createStatusLine } from './status-line.ts';

/** Where a command says things: JSON lines for programs, text for people. */
export interface Output {
  readonly json: boolean;
  /** One JSON object a line on standard output; nothing without --json. */
  readonly event: (name: string, fields: Record<string, unknown>) => void;
  /** A result for people: standard output, or standard error with --json. Hostile parts are made plain. */
  readonly say: (text: string) => void;
  /** A remark for people, always on standard error. */
  readonly note: (text: string) => void;
  /** Something that a person should not miss, on standard error; programs find it in the events. */
  readonly warn: (text: string) => void;
  /** What is being done right now; redrawn in place on a terminal, one line a step elsewhere. */
  readonly progress: (event: ProgressEvent) => void;
  readonly error: (error: RennetError) => void;
  /** Clears the status line; call before the process ends. */
  readonly close: () => void;
}

/** Makes the output of one command run. Colours and redrawing happen on a terminal only. */
export function createOutput(options: { json: boolean }): Output {
  const { json } = options;
  const terminal = Boolean(process.stderr.isTTY);
  const colours = createColors(terminal && process.env['NO_COLOR'] === undefined);
  const status = createStatusLine(process.stderr, terminal);
  const write = (stream: NodeJS.WriteStream, text: string) => {
    status.clear();
    stream.write(`${plainText(text)}\n`);
  };
  return {
    json,
    event(name, fields) {
      if (!json) return;
      status.clear();
      writeEvent(name, fields);
    },
    say: (text) => write(json ? process.stderr : process.stdout, text),
    note: (text) => {
      status.clear();
      process.stderr.write(`${colours.dim(plainText(text))}\n`);
    },
    warn: (text) => {
      status.clear();
      process.stderr.write(`${colours.yellow('warning:')} ${plainText(text)}\n`);
    },
    progress: (event) => status.show(event),
    error(error) {
      status.clear();
      if (json) {
        const fields = { code: error.code, kind: error.kind, sentence: error.message, hint: error.hint };
        writeEvent('error', fields);
      }
      process.stderr.write(`${colours.red('rennet:')} ${plainText(error.message)}\n`);
      if (error.hint !== '') process.stderr.write(`        ${plainText(error.hint)}\n`);
    },
    close: () => status.clear(),
  };
}

/** C1 controls and characters that change the order of text, which JSON.stringify leaves as they are. */
const UNSAFE = /[\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** One line of JSON that is harmless on a terminal, too. */
function writeEvent(event: string, fields: Record<string, unknown>): void {
  const text = JSON.stringify({ event, at: new Date().toISOString(), ...fields });
  const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  process.stdout.write(`${text.replaceAll(UNSAFE, escape)}\n`);
}
