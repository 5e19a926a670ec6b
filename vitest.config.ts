import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts', 'bench/**/*.test.ts'], testTimeout: 20_000 } },
      { test: { name: 'real', include: ['test/**/*.test.ts'], testTimeout: 600_000, fileParallelism: false } },
    ],
  },
});
