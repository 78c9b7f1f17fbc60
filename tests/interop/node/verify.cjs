// Verifies the DKIM signatures of messages with mailauth: node verify.cjs KEYS FILE…
// KEYS is JSON with TXT values by name. Prints JSON: for each file a list of "algorithm result".
'use strict';

const { readFileSync } = require('node:fs');
const { dkimVerify } = require('mailauth/lib/dkim/verify');

async function main([keysPath, ...paths]) {
  const records = JSON.parse(readFileSync(keysPath, 'utf8'));
  const resolver = async (name) => {
    if (!(name in records)) throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
    return [[records[name]]];
  };
  const verdicts = {};
  for (const path of paths) {
    const { results } = await dkimVerify(readFileSync(path), { resolver });
    verdicts[path] = results.map(({ algo, status }) => `${algo} ${status.result}`).sort();
  }
  process.stdout.write(JSON.stringify(verdicts));
}

main(process.argv.slice(2));
