import { readdir, readFile } from 'node:fs/promises';

/** A process and all that it started, their children and so on, by their ids; what has ended meanwhile is not in it. */
export async function familyOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')),
  );
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  return [pid, ...(await Promise.all(children.map(familyOf))).flat()];
}

/** Kills processes; those that have ended by themselves, or are another user's, are passed over. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids.filter((it) => it > 1)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // gone in this moment
    }
  }
}
