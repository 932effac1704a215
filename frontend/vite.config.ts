import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  base: './',
  publicDir: false,
  plugins: [react()],
  build: {
    outDir: '../static/dist',
    emptyOutDir: true,
    manifest: true,
    target: 'es2022',
    sourcemap: false,
    // the content security policy knows no data: addresses
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: {
        theme: 'src/theme.ts',
        base: 'src/base.ts',
        offline: 'src/offline.ts',
        fleet: 'src/islands/fleet/main.tsx',
        server: 'src/islands/server/main.tsx',
        alerts: 'src/islands/alerts/main.tsx',
        incident: 'src/islands/incident/main.tsx',
        rule: 'src/islands/rule/main.tsx',
        rulefile: 'src/islands/rulefile/main.tsx',
        channels: 'src/islands/channels/main.tsx',
        silences: 'src/islands/silences/main.tsx',
        oncall: 'src/islands/oncall/main.tsx',
        me: 'src/islands/me/main.tsx',
        anomalies: 'src/anomalies.ts',
        capacity: 'src/capacity.ts',
        report: 'src/report.ts',
        checks: 'src/checks.ts',
      },
      output: {
        hashCharacters: 'hex',
        entryFileNames: 'assets/[name].[hash:12].js',
        chunkFileNames: 'assets/[name].[hash:12].js',
        assetFileNames: 'assets/[name].[hash:12][extname]',
      },
    },
  },
})
