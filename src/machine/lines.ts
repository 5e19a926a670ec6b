import { MAX_LINE_BYTES } from './messages.ts';

/** Cuts a byte stream into lines and never holds more than one line's worth of an endless one. */
export interface LineCutter {
  /** Complete lines without their newline, in order; `tooLong` once a line passed the bound. Nothing is given after that. */
  push(chunk: Uint8Array): { lines: Uint8Array[]; tooLong: boolean };
}

export function createLineCutter(maxBytes = MAX_LINE_BYTES): LineCutter {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let tooLong = false;
  return {
    push(chunk) {
      const lines: Uint8Array[] = [];
      let start = 0;
      while (!tooLong && start < chunk.length) {
        const newline = chunk.indexOf(0x0a, start);
        const part = chunk.subarray(start, newline < 0 ? chunk.length : newline);
        heldBytes += part.length;
        if (heldBytes > maxBytes) {
          tooLong = true;
          held = [];
          break;
        }
        held.push(part);
        if (newline < 0) break;
        lines.push(Buffer.concat(held));
        held = [];
        heldBytes = 0;
        start = newline + 1;
      }
      return { lines, tooLong };
    },
  };
}
