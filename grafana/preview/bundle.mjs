// Bundles the page with Grafana's components into the folder named by the first argument.
import { build } from 'esbuild';
import { cpSync, mkdirSync } from 'node:fs';

const out = process.argv[2];
mkdirSync(`${out}/public/build`, { recursive: true });
await build({
  entryPoints: ['main.jsx'], bundle: true, outfile: `${out}/bundle.js`, minify: true, jsx: 'automatic', logLevel: 'error',
  loader: { '.svg': 'dataurl', '.png': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl' },
  define: { 'process.env.NODE_ENV': '"production"' },
});
cpSync('index.html', `${out}/index.html`);
cpSync('node_modules/@grafana/ui/dist/public/img', `${out}/public/build/img`, { recursive: true });
