// Packs the JavaScript that odw-script embeds: node bundle.mjs NODE_MODULES OUT_FOLDER
// Writes script.js (core-js subset + prelude), load.js (acorn) and validate.js (ajv). Each is one
// expression that evaluates to what its main module exports; script.js is a function of the host.
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const [modules, out] = process.argv.slice(2).map((path) => resolve(path));
const require = createRequire(join(modules, 'package.json'));
const esbuild = require('esbuild');
const source = dirname(fileURLToPath(import.meta.url));

async function bundle(entry) {
  const result = await esbuild.build({
    entryPoints: [join(source, entry)],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'bundle',
    target: 'es2022',
    legalComments: 'none',
    minifyWhitespace: true,
    charset: 'utf8',
    nodePaths: [modules],
    logLevel: 'warning',
  });
  return result.outputFiles[0].text;
}

const polyfills = await bundle('prelude/polyfills.js');
const prelude = await bundle('prelude/main.js');
const version = createHash('sha256').update(polyfills).update(prelude).digest('hex').slice(0, 16);
const corejs = JSON.parse(readFileSync(join(modules, 'core-js/package.json'))).version;

// core-js calls Math.random while it loads; the stand-in keeps the snapshot the same every time.
writeFileSync(join(out, 'script.js'), `(function (__odwHost) { 'use strict';
const { random } = Math; Math.random = () => 0.5;
${polyfills}
Math.random = random;
${prelude.replace('var bundle=', 'var prelude=')}
const internals = prelude.default;
internals.version = ${JSON.stringify(version)};
internals.corejs = ${JSON.stringify(corejs)};
return internals;
})`);
for (const role of ['load', 'validate']) {
  const text = await bundle(`${role}/main.js`);
  writeFileSync(join(out, `${role}.js`), `(function () { 'use strict';\n${text}\nreturn bundle.default; })()`);
}
