import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'bench/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Loading the same modules for each file anew takes as long as the tests themselves (24 s of CPU, 14 without).
          isolate: false,
        },
      },
      {
        test: {
          name: 'real',
          include: ['test/**/*.test.ts'],
          exclude: ['test/long/**'],
          testTimeout: 600_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      // Hours: `npm run test:long`.
      { test: { name: 'long', include: ['test/long/**/*.test.ts'], testTimeout: 7_200_000, fileParallelism: false } },
    ],
  },
});
