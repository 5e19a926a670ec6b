import type { TimedStage, Timings } from './model/outcome.ts';

/** Adds up what each stage of an attempt took; a stage that runs twice counts twice. */
export interface Stopwatch {
  /** Runs a piece of work and books its time, whether it succeeds or not. */
  time<T>(stage: TimedStage, work: () => Promise<T>): Promise<T>;
  /** Books time that was measured elsewhere; a stage that was booked as a part of another takes it from that one. */
  book(stage: TimedStage, ms: number, outOf?: TimedStage): void;
  timings(): Timings;
}

/** Starts a stopwatch; `total` runs from here. Milliseconds of the monotonic clock, whole numbers. */
export function startStopwatch(startedAt = performance.now()): Stopwatch {
  const booked: Partial<Record<TimedStage, number>> = {};
  const book = (stage: TimedStage, ms: number) => {
    booked[stage] = (booked[stage] ?? 0) + ms;
  };
  return {
    async time(stage, work) {
      const start = performance.now();
      try {
        return await work();
      } finally {
        book(stage, performance.now() - start);
      }
    },
    book(stage, ms, outOf) {
      book(stage, ms);
      if (outOf) book(outOf, -ms);
    },
    timings() {
      const whole = Object.entries(booked).map(([stage, ms]) => [stage, Math.max(0, Math.round(ms))] as const);
      return { ...Object.fromEntries(whole), total: Math.round(performance.now() - startedAt) };
    },
  };
}
