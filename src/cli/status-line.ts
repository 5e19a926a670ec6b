import type { ProgressEvent } from '../model/progress.ts';
import { plainText } from '../model/text.ts';

const REDRAW_MS = 120;

/** Bytes as people read them. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(0)} KiB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}

/** A duration as people read it: `0.4 s`, `12 s`, `2 min 5 s`. */
export function formatDuration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** One line of progress: what is done, how much of it, how long so far, how much is left where that can be known. */
export function formatProgress(event: ProgressEvent, elapsedMs: number): string {
  const { done, total, unit } = event;
  const amount = (n: number) => (unit === 'bytes' ? formatBytes(n) : `${n}`);
  let text = describe(event);
  if (done !== undefined && total !== undefined && total > 0) {
    const share = Math.min(1, done / total);
    text += ` ${amount(done)} of ${amount(total)}${unit && unit !== 'bytes' ? ` ${unit}` : ''}`;
    if (share > 0.05 && share < 1 && elapsedMs > 1500)
      text += `, about ${formatDuration((elapsedMs / share) * (1 - share))} left`;
  } else if (done !== undefined) {
    text += ` ${amount(done)}`;
  }
  return `${text} (${formatDuration(elapsedMs)})`;
}

/** What is done, and for whom where that does not say it already. */
function describe({ doing, of }: ProgressEvent): string {
  return of === undefined || doing.includes(of) ? doing : `${of}: ${doing}`;
}

/**
 * Draws the running step. On a terminal the line is redrawn in place; elsewhere each step is printed once, so that a log
 * of a long run says where it stood.
 */
export function createStatusLine(stream: NodeJS.WriteStream, terminal: boolean) {
  let current: ProgressEvent | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** By project: two of them at once take turns with their lines. */
  const steps = new Map<string | undefined, { doing: string; startedAt: number }>();

  const draw = () => {
    if (!current) return;
    const width = (stream.columns || 80) - 1;
    stream.write(
      `\r\u001b[K${plainText(formatProgress(current, Date.now() - (steps.get(current.of)?.startedAt ?? 0))).slice(0, width)}`,
    );
  };

  return {
    show(event: ProgressEvent) {
      const isNewStep = event.doing !== steps.get(event.of)?.doing;
      if (isNewStep) steps.set(event.of, { doing: event.doing, startedAt: Date.now() });
      current = event;
      if (!terminal) {
        if (isNewStep) stream.write(`${plainText(describe(event))}\n`);
        return;
      }
      if (isNewStep) draw();
      timer ??= setInterval(draw, REDRAW_MS);
      timer.unref();
    },
    clear() {
      clearInterval(timer);
      timer = undefined;
      if (current && terminal) stream.write('\r\u001b[K');
      if (!terminal) return;
      current = undefined;
      steps.clear();
    },
  };
}
