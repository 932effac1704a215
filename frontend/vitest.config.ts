import { defineConfig } from 'vitest/config'

export default defineConfig({
  // A busy computer takes several times as long as a quiet one; what hangs still ends.
  test: {
    environment: 'jsdom',
    setupFiles: ['tests/setup.ts'],
    include: ['tests/**/*.test.{ts,tsx}'],
    testTimeout: 20_000,
  },
})
