// A process of its own: deriving an index takes up to 200 MiB for some seconds, which would otherwise stay with whoever plans.
// Standard input: a DeriveInput as JSON. On failure standard error is one line of JSON: code, sentence, hint.
import { text } from 'node:stream/consumers';
import { RennetError } from '../model/errors.ts';
import { type DeriveInput, deriveIndex } from './archive-derive.ts';

const input = JSON.parse(await text(process.stdin)) as DeriveInput;
try {
  await deriveIndex(input, new AbortController().signal);
} catch (error) {
  if (!(error instanceof RennetError)) throw error;
  process.stderr.write(`${JSON.stringify({ code: error.code, sentence: error.message, hint: error.hint })}\n`);
  process.exitCode = 1;
}
