/** How many attempts run at once; one that waits for others gives its slot away meanwhile. */
export interface Slots {
  /** Runs `work` when a slot is free, in the order in which they ask. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Called from within `run`: gives the slot back while `wait` runs, so that what is waited for can run. */
  without<T>(wait: () => Promise<T>): Promise<T>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const queue: (() => void)[] = [];
  const take = async (): Promise<void> => {
    if (free === 0) await new Promise<void>((resolve) => queue.push(resolve));
    else free -= 1;
  };
  const give = (): void => {
    const next = queue.shift();
    // The slot goes straight to who waits longest.
    if (next === undefined) free += 1;
    else next();
  };
  return {
    async run(work) {
      await take();
      try {
        return await work();
      } finally {
        give();
      }
    },
    async without(wait) {
      give();
      try {
        return await wait();
      } finally {
        await take();
      }
    },
  };
}
